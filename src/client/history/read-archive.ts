/** An archive (see archive.ts), read: its runs, each whole. */
import type { Frame } from "../../events/frame.ts";
import { MillraceError } from "../../kernel/errors.ts";
import { checkId } from "../../kernel/ids.ts";
import type { ArchiveLine } from "./archive.ts";

/** A run of an archive. */
export interface Arriving {
  readonly run: string;
  readonly workflow: string;
  readonly frames: Frame[];
  readonly inputs: Uint8Array[];
  /** Parts by digest in the archive. */
  readonly blobs: Map<string, Uint8Array[]>;
  /** It goes on elsewhere. */
  readonly isPart: boolean;
  /** That ends it. */
  readonly line: number;
}

/**
 * The runs of an archive, one after the other, each as soon as all of it was read.
 * @throws MillraceError `E_ARCHIVE_INVALID` when a line cannot be meant
 */
export async function* readArchive(
  lines: AsyncIterable<string> | Iterable<string>,
): AsyncGenerator<Arriving> {
  let arriving: Arriving | undefined;
  let number = 0;
  for await (const text of lines) {
    number++;
    if (text.trim() === "") continue;
    const parsed = parse(text, number);
    if ("millrace" in parsed) {
      if (arriving !== undefined) throw cutShort(arriving.run, number);
      arriving = begun(parsed);
    } else if (arriving === undefined) {
      throw invalid(number, "stands before the first run");
    } else if (!("end" in parsed)) {
      take(arriving, parsed);
    } else {
      const { run, frames } = arriving;
      if (parsed.end !== run || parsed.frames !== frames.length) throw cutShort(run, number);
      yield { ...arriving, isPart: parsed.part === true, line: number };
      arriving = undefined;
    }
  }
  if (arriving !== undefined) throw cutShort(arriving.run, number);
}

const begun = (header: Extract<ArchiveLine, { readonly millrace: "run" }>): Arriving => {
  const run = checkId("run id", header.run);
  const workflow = checkId("workflow name", header.workflow);
  return { run, workflow, frames: [], inputs: [], blobs: new Map(), isPart: false, line: 0 };
};

function take(arriving: Arriving, parsed: ArchiveLine): void {
  if ("frame" in parsed) arriving.frames.push(parsed.frame);
  else if ("input" in parsed) arriving.inputs.push(Buffer.from(parsed.input, "base64"));
  else if ("blob" in parsed) {
    const parts = arriving.blobs.get(parsed.blob) ?? [];
    arriving.blobs.set(parsed.blob, parts);
    parts.push(Buffer.from(parsed.data, "base64"));
  }
}

function parse(text: string, number: number): ArchiveLine {
  try {
    const parsed = JSON.parse(text) as ArchiveLine | null;
    if (isLine(parsed)) return parsed;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw invalid(number, "is no line of an archive");
}

/** Whether the line has the fields of its kind; frames are checked when they are folded. */
function isLine(raw: unknown): raw is ArchiveLine {
  if (typeof raw !== "object" || raw === null) return false;
  const line = raw as Readonly<Record<string, unknown>>;
  if ("millrace" in line) return line["millrace"] === "run" && line["version"] === 1;
  if ("frame" in line) return typeof line["frame"] === "object" && line["frame"] !== null;
  if ("input" in line) return typeof line["input"] === "string";
  if ("blob" in line) return typeof line["blob"] === "string" && typeof line["data"] === "string";
  return typeof line["end"] === "string" && Number.isSafeInteger(line["frames"]);
}

/** The refusal of an archive. */
export const invalid = (number: number, what: string, cause?: unknown): MillraceError =>
  new MillraceError(
    "E_ARCHIVE_INVALID",
    `line ${number} of the archive ${what}; nothing of its run was imported. Export the run again, or take another copy of the file`,
    { cause, details: { line: number } },
  );

const cutShort = (run: string, number: number): MillraceError =>
  invalid(number, `comes before run ${run} is complete`);
