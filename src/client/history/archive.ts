/**
 * A run as a file: lines of JSON that any store can take up again. Of each run first what it is, then
 * its large values, what its inbox holds that it has not taken, and its frames, decoded: the file is as
 * readable as the run was, and an archive of an encrypted log is not encrypted.
 *
 *   {"millrace":"run","version":1,"run":"r1","workflow":"order"}
 *   {"blob":"<digest>","part":0,"data":"<base64>"}
 *   {"input":"<base64>"}
 *   {"frame":{"commit":"…","writer":{…},"at":…,"seq":1,"inbox":0,"events":[…]}}
 *   {"end":"r1","frames":12}
 *
 * Runs that it waits for stand before it, and so do runs that it branched off: those of them that have not
 * ended as a part (`"part":true`), which nobody hosts.
 */
import type { Value } from "../../../machines/values.ts";
import type { Engine } from "../../engine/engine.ts";
import { inboxOf } from "../../engine/hosting/chain.ts";
import { firstFrame, forkPointOf } from "../../engine/reading/history.ts";
import type { Projector } from "../../engine/reading/projector.ts";
import { decodeInput, valueOfInput } from "../../engine/turn/input.ts";
import { carriedValue } from "../../events/carried-value.ts";
import { type Frame, openFrame } from "../../events/frame.ts";
import { MillraceError } from "../../kernel/errors.ts";
import type { RunSummaries } from "../../projections/run-summary.ts";
import { callOptions, invalidOption } from "../options.ts";

/** One line of an archive, parsed. */
export type ArchiveLine =
  | {
      readonly millrace: "run";
      readonly version: 1;
      readonly run: string;
      readonly workflow: string;
    }
  | { readonly blob: string; readonly part: number; readonly data: string }
  | { readonly input: string }
  | { readonly frame: Frame }
  /** `part`: it goes on elsewhere; here it is only what others go back to. */
  | { readonly end: string; readonly frames: number; readonly part?: true };

/** How a run is exported. */
export interface ExportOptions {
  /** Also the runs that it branched off, before it: a fork can only be imported where these are. @default true */
  readonly ancestors?: boolean;
  /** Also the child runs that it waits for, and the runs that go on for it, before it. @default true */
  readonly children?: boolean;
}

/** @throws MillraceError `E_OPTION_INVALID` */
export function checkExport(options: ExportOptions): ExportOptions {
  const given = callOptions("export()", options, ["ancestors", "children"]);
  for (const [option, value] of Object.entries(given)) {
    if (typeof value !== "boolean") throw invalidOption(option, "must be true or false itself");
  }
  return given;
}

/** Bytes of a blob per line. */
const PART_BYTES = 256 * 1024;

/** What an archive is made from. */
export interface Archive {
  readonly engine: Engine;
  readonly summaries: Projector<RunSummaries>;
}

/**
 * The lines of the run's archive, without line ends; as many frames as it had when the export began. What a run
 * goes back to or waits for comes before it: so nobody who hosts it misses them.
 * @throws MillraceError `E_RUN_NOT_FOUND`, `E_FRAME_INVALID`; `E_STORE_MISSING` when a large value is gone
 */
export async function* exportRun(
  { engine, summaries }: Archive,
  run: string,
  { ancestors = true, children = true }: ExportOptions = {},
): AsyncGenerator<string> {
  const first = await firstFrame(engine, run);
  if (first === undefined) {
    throw new MillraceError(
      "E_RUN_NOT_FOUND",
      `there is no run ${run} in this namespace; \`millrace runs\` lists those that exist`,
      { details: { run } },
    );
  }
  const view = await summaries.current();
  const wanted = children ? withFamily(view, run) : [run];
  const grounds = ancestors ? await groundsOf(engine, wanted) : [];
  for (const ground of grounds) if (!wanted.includes(ground)) yield* ancestor(engine, view, ground);
  for (const one of wanted) yield* linesOf(engine, one, false);
}

/** A run that others only go back to does not go on elsewhere as well. */
function ancestor(engine: Engine, view: RunSummaries, run: string): AsyncGenerator<string> {
  const status = view.get(run)?.status;
  const isOver = status === "completed" || status === "failed" || status === "cancelled";
  return linesOf(engine, run, !isOver);
}

/** The run behind those that it waits for: children that have not ended, runs that go on for it. */
function withFamily(view: RunSummaries, run: string, found = new Set<string>()): string[] {
  if (found.has(run)) return [];
  found.add(run);
  const summary = view.get(run);
  const open = Object.values(summary?.children ?? {}).map((child) => child.run);
  const awaited = [...open, ...(summary?.next == null ? [] : [summary.next])];
  const there = awaited.filter((one) => view.has(one));
  return [...there.flatMap((one) => withFamily(view, one, found)), run];
}

/** The runs that these branched off, what those branched off …: the farthest first. */
async function groundsOf(engine: Engine, runs: readonly string[]): Promise<readonly string[]> {
  const found = new Set<string>();
  for (const run of runs) {
    const own: string[] = [];
    for (let at = await originOf(engine, run); at !== undefined; at = await originOf(engine, at)) {
      own.unshift(at);
    }
    for (const one of own) found.add(one);
  }
  return [...found];
}

async function originOf(engine: Engine, run: string): Promise<string | undefined> {
  const first = await firstFrame(engine, run);
  return first && forkPointOf(first.opened.frame)?.run;
}

/** @param part: it is not to go on where it is imported */
async function* linesOf(engine: Engine, run: string, part: boolean): AsyncGenerator<string> {
  const upTo = await engine.store.log.head(run);
  const written = new Set<string>();
  let [frames, taken, inbox, isPart] = [0, 0, run, part];
  for await (const stored of engine.store.log.read({ run, upTo })) {
    const { more, ...frame } = openFrame(run, stored.bytes, engine.codecs).frame;
    if (frames++ === 0) {
      const [created] = frame.events;
      if (created?.type === "run.created") inbox = inboxOf(run, { chain: created.chain ?? null });
      const { workflow } = stored;
      yield line({ millrace: "run", version: 1, run, workflow });
    }
    yield* blobsOf(engine, run, frame.events.map(carriedValue), written);
    taken = frame.inbox;
    isPart = part || more === true;
    // Positions of an inbox mean nothing in another store; what it still holds is exported as well.
    yield line({ frame: { ...frame, inbox: 0 } });
  }
  // What it was told is for whoever goes on with it.
  const unread = isPart ? [] : await engine.store.inbox.read(inbox, taken);
  for (const { bytes } of unread) {
    yield* blobsOf(engine, run, [valueOfInput(decodeInput(bytes))], written);
    yield line({ input: Buffer.from(bytes).toString("base64") });
  }
  yield line({ end: run, frames, ...(isPart ? { part: true } : {}) });
}

async function* blobsOf(
  engine: Engine,
  run: string,
  values: readonly (Value | undefined)[],
  written: Set<string>,
): AsyncGenerator<string> {
  for (const value of values) {
    if (value === undefined || !("blob" in value) || written.has(value.blob)) continue;
    written.add(value.blob);
    const bytes = await engine.store.blobs.get(value.blob);
    if (bytes === undefined) {
      throw new MillraceError(
        "E_STORE_MISSING",
        `the blob ${value.blob} of run ${run} is gone, so an archive would not be whole; restore the blob store from a backup`,
        { details: { run, blob: value.blob } },
      );
    }
    for (let part = 0; part * PART_BYTES < bytes.length; part++) {
      const piece = bytes.subarray(part * PART_BYTES, (part + 1) * PART_BYTES);
      yield line({ blob: value.blob, part, data: Buffer.from(piece).toString("base64") });
    }
  }
}

const line = (content: ArchiveLine): string => JSON.stringify(content);
