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
 */
import type { ForkPoint } from "../../machines/run-data.ts";
import type { Value } from "../../machines/values.ts";
import { inboxOf } from "../engine/chain.ts";
import type { Engine } from "../engine/engine.ts";
import { forkPointOf } from "../engine/history.ts";
import { decodeInput } from "../engine/input.ts";
import { carriedValue } from "../events/carried-value.ts";
import { type Frame, openFrame } from "../events/frame.ts";
import { MillraceError } from "../kernel/errors.ts";
import { callOptions, invalidOption } from "./options.ts";

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
  | { readonly end: string; readonly frames: number };

/** How a run is exported. */
export interface ExportOptions {
  /** Also the runs that it branched off, before it: a fork can only be imported where these are. @default true */
  readonly ancestors?: boolean;
}

/** @throws MillraceError `E_OPTION_INVALID` */
export function checkExport(options: ExportOptions): ExportOptions {
  const given = callOptions("export()", options, ["ancestors"]);
  if (typeof (given.ancestors ?? true) === "boolean") return given;
  throw invalidOption("ancestors", "must be true or false itself");
}

/** Bytes of a blob per line. */
const PART_BYTES = 256 * 1024;

/**
 * The lines of the run's archive, without line ends; as many frames as it had when the export began.
 * @throws MillraceError `E_RUN_NOT_FOUND`, `E_FRAME_INVALID`; `E_STORE_MISSING` when a large value is gone
 */
export async function* exportRun(
  engine: Engine,
  run: string,
  options: ExportOptions = {},
): AsyncGenerator<string> {
  const upTo = await engine.store.log.head(run);
  const written = new Set<string>();
  let [frames, taken, inbox] = [0, 0, run];
  for await (const stored of engine.store.log.read({ run, upTo })) {
    const { frame } = openFrame(run, stored.bytes, engine.codecs);
    if (frames++ === 0) {
      const [created] = frame.events;
      if (created?.type === "run.created") inbox = inboxOf(run, { chain: created.chain ?? null });
      if (options.ancestors ?? true) yield* ancestorsOf(engine, forkPointOf(frame));
      yield line({ millrace: "run", version: 1, run, workflow: stored.workflow });
    }
    yield* blobsOf(engine, run, frame.events.map(carriedValue), written);
    taken = frame.inbox;
    // Positions of an inbox mean nothing in another store; what it still holds is exported as well.
    yield line({ frame: { ...frame, inbox: 0 } });
  }
  if (frames === 0) {
    throw new MillraceError(
      "E_RUN_NOT_FOUND",
      `there is no run ${run} in this namespace; \`millrace runs\` lists those that exist`,
      { details: { run } },
    );
  }
  for (const { bytes } of await engine.store.inbox.read(inbox, taken)) {
    const input = decodeInput(bytes);
    if (input?.kind === "signal") yield* blobsOf(engine, run, [input.payload], written);
    if (input?.kind === "child") yield* blobsOf(engine, run, [input.output], written);
    yield line({ input: Buffer.from(bytes).toString("base64") });
  }
  yield line({ end: run, frames });
}

async function* ancestorsOf(engine: Engine, fork: ForkPoint | undefined): AsyncGenerator<string> {
  if (fork !== undefined) yield* exportRun(engine, fork.run);
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
