/**
 * Chains: runs that go on one for the other (`run.continued`). They share one inbox, that of the first, so
 * nothing that is sent to any of them is lost between two; and whoever knows one of them finds the newest.
 */
import type { RunContext } from "../../../machines/run-data.ts";
import { mayHold, openFrame } from "../../events/frame.ts";
import { RUN_ENDS } from "../../events/vocabulary.ts";
import { isMillraceError } from "../../kernel/errors.ts";
import type { Engine } from "../engine.ts";

/** The run that the run's inbox is named after. */
export const inboxOf = (run: string, { chain }: Pick<RunContext, "chain">): string =>
  chain?.first ?? run;

/** How far a run has got. */
export interface Standing {
  readonly run: string;
  readonly ended: boolean;
  /** The run that goes on for it. */
  readonly next: string | undefined;
}

/** Later runs of the chains that were asked for: hints from where to look on. */
const hints = new WeakMap<Engine, Map<string, string>>();
const HINTS_MAX = 10_000;

/**
 * The last run of the chain from `run` on that exists: itself, unless another goes on for it. It has a `next`
 * as long as that one has not begun. Costs two requests per run of the chain that this process has not seen
 * yet. Of a run that does not exist: itself, not ended.
 */
export async function newestOf(engine: Engine, run: string): Promise<Standing> {
  const known = hints.get(engine) ?? new Map<string, string>();
  hints.set(engine, known);
  const none: Standing = { run, ended: false, next: undefined };
  let standing = (await standingOf(engine, known.get(run) ?? run)) ?? none;
  while (standing.next !== undefined) {
    const next = await standingOf(engine, standing.next);
    if (next === undefined) break;
    standing = next;
  }
  if (standing.run !== run) {
    if (known.size >= HINTS_MAX) known.clear();
    known.set(run, standing.run);
  }
  return standing;
}

async function standingOf(engine: Engine, run: string): Promise<Standing | undefined> {
  const { log } = engine.store;
  const head = await log.head(run);
  if (head === 0) return undefined;
  let end: End = { ended: false, next: undefined };
  let byHost = false;
  for await (const { bytes } of log.read({ run, after: head - 1 })) {
    ({ end, byHost } = lookAt(engine, run, bytes));
  }
  // Others may note things in a run that has ended.
  if (!end.ended && !byHost) end = await endOf(engine, run);
  return { run, ...end };
}

type End = Omit<Standing, "run">;

async function endOf(engine: Engine, run: string): Promise<End> {
  for await (const { bytes } of engine.store.log.read({ run })) {
    if (!mayHold(bytes, RUN_ENDS)) continue;
    const { end } = lookAt(engine, run, bytes);
    if (end.ended) return end;
  }
  return { ended: false, next: undefined };
}

/** A damaged frame ends nothing here: whoever hosts the run, or looks at it, is told. */
function lookAt(engine: Engine, run: string, bytes: Uint8Array): { end: End; byHost: boolean } {
  try {
    const { events, writer } = openFrame(run, bytes, engine.codecs).frame;
    const last = events.find(({ type }) => RUN_ENDS.has(type));
    const next = last?.type === "run.continued" ? last.next : undefined;
    return { end: { ended: last !== undefined, next }, byHost: writer.epoch > 0 };
  } catch (error) {
    if (!isMillraceError(error, "E_FRAME_INVALID")) throw error;
    return { end: { ended: false, next: undefined }, byHost: true };
  }
}
