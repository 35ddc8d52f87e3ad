/**
 * Runs out of an archive (see archive.ts). A run is folded whole before anything of it is written, so a
 * file that was changed or cut short leaves nothing behind; and until its last frame is there, every frame
 * says that more is to come, so nobody hosts it in between.
 */
import { evolveFrame } from "../../domain/evolve.ts";
import { isDriven, isTerminal, type RunState, stepActor } from "../../domain/state.ts";
import type { Engine } from "../../engine/engine.ts";
import { inboxOf } from "../../engine/hosting/chain.ts";
import { groundOf, loadRun } from "../../engine/reading/history.ts";
import { decodeInput, encodeInput } from "../../engine/turn/input.ts";
import { type Frame, NO_PREVIOUS, openFrame, sealFrame } from "../../events/frame.ts";
import type { MillraceEvent } from "../../events/vocabulary.ts";
import { isMillraceError, MillraceError } from "../../kernel/errors.ts";
import { type Arriving, invalid, readArchive } from "./read-archive.ts";

/** What became of one run of an archive. */
export interface Imported {
  readonly run: string;
  readonly workflow: string;
  /** Events of the run. */
  readonly events: number;
  /** False: the very same run was there already. */
  readonly created: boolean;
  /** It goes on elsewhere: here it is only what others go back to. */
  readonly part: boolean;
  /**
   * Runs that it waits for, or that go on for it, and that are not here. A child that is missing counts as
   * erased: the step that waits for it fails.
   */
  readonly lacks: readonly string[];
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
  for await (const arriving of readArchive(lines)) yield await settle(engine, arriving);
}

/** Writes a run that is complete. */
async function settle(engine: Engine, arriving: Arriving): Promise<Imported> {
  const { run, workflow, inputs, line } = arriving;
  const { queue, blobs } = engine.store;
  const digests = new Map<string, string>();
  for (const [digest, parts] of arriving.blobs) {
    digests.set(digest, await blobs.put(Buffer.concat(parts)));
  }
  const frames = arriving.frames.map((frame) => relinked(frame, digests));
  const state = await folded(engine, run, frames, line);
  if (state.run.context.workflow !== workflow) {
    throw invalid(line, `ends run ${run}, which is not of workflow ${workflow}`);
  }
  const lacks = await lackedBy(engine, state);
  // Whoever sees that it was continued would begin the next run once more.
  const part = arriving.isPart || lacks.includes(state.run.context.next?.run ?? "");
  const created = await appendMissing(engine, arriving, { frames, part });
  await tell(engine, inboxOf(run, state.run.context), inputs, digests);
  if (!part && !isTerminal(state) && !isDriven(state)) await queue.offer({ workflow, run });
  return { run, workflow, events: state.cursor.seq, created, part, lacks };
}

/** Runs that it waits for, or that go on for it, and that do not exist here. */
async function lackedBy({ store }: Engine, state: RunState): Promise<string[]> {
  const children = [...state.delegated].flatMap((step) => {
    return stepActor(state, step).context.child?.run ?? [];
  });
  const lacked: string[] = [];
  for (const run of [
    ...children,
    ...(state.run.context.next === null ? [] : [state.run.context.next.run]),
  ]) {
    if ((await store.log.head(run)) === 0) lacked.push(run);
  }
  return lacked;
}

/** Puts what it had not read yet into its inbox, once. */
async function tell(
  { store }: Engine,
  inbox: string,
  inputs: readonly Uint8Array[],
  digests: ReadonlyMap<string, string>,
): Promise<void> {
  const there = (await store.inbox.read(inbox, 0)).map(({ bytes }) => textOf(bytes));
  for (const bytes of inputs) {
    const input = decodeInput(bytes);
    const told = input === undefined ? bytes : encodeInput(relinked(input, digests));
    if (!there.includes(textOf(told))) await store.inbox.post(inbox, told);
  }
}

const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");

/** Appends the frames that are not there yet: an import may have been cut short. False: all were there. */
async function appendMissing(
  engine: Engine,
  { run, workflow }: Arriving,
  { frames, part }: { readonly frames: readonly Frame[]; readonly part: boolean },
): Promise<boolean> {
  const there = await framesThere(engine, run, { frames, part });
  const { cursor } = await loadRun(engine, run);
  // What was there as a part becomes the run itself.
  const isLast = there === frames.length && cursor.partial && !part;
  const missing = isLast ? [wholeAgain(engine, cursor.seq)] : frames.slice(there);
  if (missing.length === 0) return false;
  let { sum, head: expected } = cursor;
  for (const [nth, frame] of missing.entries()) {
    const more = part || nth < missing.length - 1 ? ({ more: true } as const) : {};
    const sealed = sealFrame(run, sum, { ...frame, ...more }, engine.codec);
    const outcome = await engine.store.log.append({ workflow, run, expected, bytes: sealed.bytes });
    if (!outcome.ok) throw conflict(run);
    expected = outcome.position;
    sum = sealed.sum;
  }
  return true;
}

const IN_PARTS = "imported-in-parts";
const isWholeAgain = (event: MillraceEvent): boolean =>
  event.type === "anomaly.recorded" && event.kind === IN_PARTS;

/** Says that nothing more is to come, for the frames do not. */
function wholeAgain({ world, node }: Engine, seq: number): Frame {
  const at = world.clock.now();
  const detail = "what others went back to was imported before the run itself";
  const events = [{ type: "anomaly.recorded", at, kind: IN_PARTS, detail }] as const;
  return { commit: world.ids(), writer: { node, epoch: 0 }, at, seq: seq + 1, inbox: 0, events };
}

/**
 * How many of the run's frames are there, made by the very same commits.
 * @throws MillraceError `E_RUN_CONFLICT` when others are
 */
async function framesThere(
  engine: Engine,
  run: string,
  { frames, part }: { readonly frames: readonly Frame[]; readonly part: boolean },
): Promise<number> {
  let nth = 0;
  for await (const { bytes } of engine.store.log.read({ run })) {
    const { commit, events } = openFrame(run, bytes, engine.codecs).frame;
    // Others go back to what is there: that it has gone on since is nothing to them.
    if (part && nth === frames.length) return nth;
    if (nth === frames.length && events.some(isWholeAgain)) return nth;
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

const conflict = (run: string): MillraceError =>
  new MillraceError(
    "E_RUN_CONFLICT",
    `another run has the id ${run} here; import into another namespace, or erase it`,
    { details: { run } },
  );
