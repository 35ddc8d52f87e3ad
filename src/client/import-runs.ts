/**
 * Runs out of an archive (see archive.ts). A run is folded whole before anything of it is written, so a
 * file that was changed or cut short leaves nothing behind.
 */
import { evolveFrame } from "../domain/evolve.ts";
import { isDriven, isTerminal, type RunState } from "../domain/state.ts";
import { inboxOf } from "../engine/chain.ts";
import type { Engine } from "../engine/engine.ts";
import { groundOf, loadRun } from "../engine/history.ts";
import { decodeInput, encodeInput } from "../engine/input.ts";
import { type Frame, NO_PREVIOUS, openFrame, sealFrame } from "../events/frame.ts";
import { isMillraceError, MillraceError } from "../kernel/errors.ts";
import { checkId } from "../kernel/ids.ts";
import type { ArchiveLine } from "./archive.ts";

/** What became of one run of an archive. */
export interface Imported {
  readonly run: string;
  readonly workflow: string;
  /** Events of the run. */
  readonly events: number;
  /** False: the very same run was there already. */
  readonly created: boolean;
}

/** A run while its lines are read. */
interface Arriving {
  readonly run: string;
  readonly workflow: string;
  readonly frames: Frame[];
  readonly inputs: Uint8Array[];
  /** Parts by digest in the archive. */
  readonly blobs: Map<string, Uint8Array[]>;
}

/**
 * Takes up the runs of an archive, one after the other. A run that is there already with the same events
 * is left as it is.
 * @throws MillraceError `E_ARCHIVE_INVALID` when a line cannot be meant; `E_RUN_CONFLICT` when another run
 * has the id; `E_RUN_ERASED` when the run was erased here; runs before that stay
 */
export async function* importRuns(
  engine: Engine,
  lines: AsyncIterable<string> | Iterable<string>,
): AsyncGenerator<Imported> {
  let arriving: Arriving | undefined;
  let number = 0;
  for await (const text of lines) {
    number++;
    if (text.trim() === "") continue;
    const parsed = parse(text, number);
    if ("millrace" in parsed) {
      if (arriving !== undefined) throw cutShort(arriving.run, number);
      const run = checkId("run id", parsed.run);
      const workflow = checkId("workflow name", parsed.workflow);
      arriving = { run, workflow, frames: [], inputs: [], blobs: new Map() };
    } else if (arriving === undefined) {
      throw invalid(number, "stands before the first run");
    } else if (!("end" in parsed)) {
      take(arriving, parsed);
    } else {
      const { run, frames } = arriving;
      if (parsed.end !== run || parsed.frames !== frames.length) throw cutShort(run, number);
      yield await settle(engine, arriving, number);
      arriving = undefined;
    }
  }
  if (arriving !== undefined) throw cutShort(arriving.run, number);
}

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

/** Writes a run that is complete. */
async function settle(engine: Engine, arriving: Arriving, number: number): Promise<Imported> {
  const { run, workflow, inputs } = arriving;
  const digests = new Map<string, string>();
  for (const [digest, parts] of arriving.blobs) {
    digests.set(digest, await engine.store.blobs.put(Buffer.concat(parts)));
  }
  const frames = arriving.frames.map((frame) => relinked(frame, digests));
  const state = await folded(engine, run, frames, number);
  if (state.run.context.workflow !== workflow) {
    throw invalid(number, `ends run ${run}, which is not of workflow ${workflow}`);
  }
  const created = await appendMissing(engine, arriving, frames);
  const inbox = inboxOf(run, state.run.context);
  const there = (await engine.store.inbox.read(inbox, 0)).map(({ bytes }) => textOf(bytes));
  for (const bytes of inputs) {
    const input = decodeInput(bytes);
    const told = input === undefined ? bytes : encodeInput(relinked(input, digests));
    if (!there.includes(textOf(told))) await engine.store.inbox.post(inbox, told);
  }
  if (!isTerminal(state) && !isDriven(state)) await engine.store.queue.offer({ workflow, run });
  return { run, workflow, events: state.cursor.seq, created };
}

const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");

/** Appends the frames that are not there yet: an import may have been cut short. False: all were there. */
async function appendMissing(
  engine: Engine,
  { run, workflow }: Arriving,
  frames: readonly Frame[],
): Promise<boolean> {
  const missing = frames.slice(await framesThere(engine, run, frames));
  if (missing.length === 0) return false;
  let { sum, head: expected } = (await loadRun(engine, run)).cursor;
  for (const frame of missing) {
    const sealed = sealFrame(run, sum, frame, engine.codec);
    const outcome = await engine.store.log.append({ workflow, run, expected, bytes: sealed.bytes });
    if (!outcome.ok) throw conflict(run);
    expected = outcome.position;
    sum = sealed.sum;
  }
  return true;
}

/**
 * How many of the run's frames are there, made by the very same commits.
 * @throws MillraceError `E_RUN_CONFLICT` when others are
 */
async function framesThere(engine: Engine, run: string, frames: readonly Frame[]): Promise<number> {
  let nth = 0;
  for await (const { bytes } of engine.store.log.read({ run })) {
    const { commit, events } = openFrame(run, bytes, engine.codecs).frame;
    const other = frames[nth++];
    if (commit !== other?.commit || events.length !== other.events.length) throw conflict(run);
  }
  return nth;
}

/** The run as its frames make it; nothing is written. */
async function folded(
  engine: Engine,
  run: string,
  frames: readonly Frame[],
  number: number,
): Promise<RunState> {
  let state: RunState | undefined;
  try {
    for (const frame of frames) {
      const { bytes } = sealFrame(run, state?.cursor.sum ?? NO_PREVIOUS, frame, engine.codec);
      const opened = openFrame(run, bytes, engine.codecs);
      state ??= await groundOf(engine, run, opened.frame);
      evolveFrame(state, opened, state.cursor.head + 1);
    }
  } catch (error) {
    const damaged =
      isMillraceError(error, "E_FRAME_INVALID") || isMillraceError(error, "E_LOG_CORRUPT");
    if (!damaged && !(error instanceof TypeError)) throw error;
    throw invalid(number, `ends run ${run}, whose frames do not fit`, error);
  }
  if (state === undefined) throw invalid(number, `ends run ${run}, which has no frames`);
  return state;
}

/** The frame, or input, with the digests that its large values have in this store. */
function relinked<T>(content: T, digests: ReadonlyMap<string, string>): T {
  const visit = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(visit);
    if (typeof value !== "object" || value === null) return value;
    const { blob } = value as { readonly blob?: unknown };
    const digest = typeof blob === "string" ? digests.get(blob) : undefined;
    if (digest !== undefined) return { ...value, blob: digest };
    return Object.fromEntries(Object.entries(value).map(([key, held]) => [key, visit(held)]));
  };
  const changed = [...digests].some(([before, after]) => before !== after);
  return changed ? (visit(content) as T) : content;
}

const invalid = (number: number, what: string, cause?: unknown): MillraceError =>
  new MillraceError(
    "E_ARCHIVE_INVALID",
    `line ${number} of the archive ${what}; nothing of its run was imported. Export the run again, or take another copy of the file`,
    { cause, details: { line: number } },
  );

const cutShort = (run: string, number: number): MillraceError =>
  invalid(number, `comes before run ${run} is complete`);

const conflict = (run: string): MillraceError =>
  new MillraceError(
    "E_RUN_CONFLICT",
    `another run has the id ${run} here; import into another namespace, or erase it`,
    { details: { run } },
  );
