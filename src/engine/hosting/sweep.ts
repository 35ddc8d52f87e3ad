/**
 * Tickets and timers are hints that may be lost: a queue deleted by hand, a process that died between
 * two writes. The sweep looks at every run that has not ended, and at ended ones that owe something to
 * others, and gives them what they lack. It runs at start and now and then; a run that lacks nothing costs
 * it one refused offer at most, and one that sleeps longer than until the next sweep costs nothing: a timer
 * that was lost is missed only when it is due.
 */
import {
  awaitsAdmission,
  awaitsCode,
  isHostable,
  type RunSummaries,
  type RunSummary,
} from "../../projections/run-summary.ts";
import type { Engine } from "../engine.ts";
import { endedOwing, tellOfErased } from "./sweep-family.ts";
import { mayBeTakenBack, offerUnclaimed, type TakeOverOptions } from "./take-over.ts";

/** Where to sweep, and how thoroughly. */
export interface SweepOptions extends TakeOverOptions {
  /** Also look for inputs of parked runs (a request per such run), after everything else. */
  readonly inputs: boolean;
  /** What is due later than this from now is left to the next sweep (ms). */
  readonly aheadMs: number;
  /** Whether this process may have the code of the run. */
  mayHave(run: RunSummary): boolean;
  /** When this process started: runs that could not be gone on with before are worth another look. */
  readonly startedAt: number;
}

/** Returns how many runs were given a ticket or a timer. */
export async function sweep(options: SweepOptions): Promise<number> {
  const { engine, summaries } = options;
  const alive = new Map<string, Promise<boolean>>();
  const isAlive = (node: string): Promise<boolean> => {
    const known = alive.get(node) ?? engine.store.nodes.alive(node);
    alive.set(node, known);
    return known;
  };
  let mended = 0;
  const view = await summaries.current();
  for (const summary of [...endedOwing(view, engine.world.clock.now())]) {
    const { workflow, run, next } = summary;
    // The run that goes on for it may have been there, and was erased since.
    if (next !== null && !view.has(next) && (await engine.store.log.head(next)) > 0) continue;
    await engine.store.queue.offer({ workflow, run });
    mended++;
  }
  mended += await offerWhatHasCode(options, view);
  for (const summary of view.values()) {
    if (!isHostable(summary) || mayBeTakenBack(summary, engine)) continue;
    mended += await tellOfErased(engine, view, { ...summary });
    if (options.isHosted(summary.run)) continue;
    // Nothing but code helps it.
    if (awaitsCode(summary)) continue;
    // Gates are looked after on their own.
    if (awaitsAdmission(summary) && summary.node === null) continue;
    if (await mend(options, { ...summary }, isAlive)) mended++;
  }
  if (options.inputs) mended += await mendInputs(options);
  return (await isAlone(engine, isAlive)) ? mended + (await offerUnclaimed(options)) : mended;
}

/** Offers made at once. */
const AT_ONCE = 256;

/** Runs that nobody had the code of, and this process may have. After a deploy there may be many. */
async function offerWhatHasCode(
  { engine, isHosted, mayHave }: SweepOptions,
  view: RunSummaries,
): Promise<number> {
  const found = [...view.values()].filter(
    (one) => awaitsCode(one) && isHostable(one) && !isHosted(one.run) && mayHave(one),
  );
  const tickets = found.map(({ workflow, run }) => ({ workflow, run }));
  while (tickets.length > 0) {
    const some = tickets.splice(0, AT_ONCE);
    await Promise.all(some.map((ticket) => engine.store.queue.offer(ticket)));
  }
  return found.length;
}

/** No other process is there: whoever was given a ticket and wrote nothing is gone. */
async function isAlone(
  { store, node }: Engine,
  isAlive: (node: string) => Promise<boolean>,
): Promise<boolean> {
  const others = (await store.nodes.list()).filter(({ id }) => id !== node);
  return (await Promise.all(others.map(({ id }) => isAlive(id)))).every((alive) => !alive);
}

async function mend(
  options: SweepOptions,
  summary: RunSummary,
  isAlive: (node: string) => Promise<boolean>,
): Promise<boolean> {
  const { engine, aheadMs, startedAt } = options;
  const { queue } = engine.store;
  const ticket = { workflow: summary.workflow, run: summary.run };
  if (summary.node !== null) {
    if (summary.node !== engine.node && (await isAlive(summary.node))) return false;
    // The process is gone for certain: its lease need not run out first.
    if (await hasMoved(options, summary)) return false;
    if (summary.lease !== null) await queue.reclaim(summary.lease);
  } else if (summary.parkedReason !== null) {
    const { parkedUntil, parkedError, updatedAt } = summary;
    // This process is newer than what was wrong with the run: it may have what was missing.
    const isNews = parkedError !== null && updatedAt < startedAt;
    if (!isNews) {
      if (parkedUntil === null || parkedUntil > engine.world.clock.now() + aheadMs) return false;
      await queue.offer(ticket, parkedUntil);
      return true;
    }
  }
  await queue.offer(ticket);
  return true;
}

/** Whoever told a parked run something may have died before its ticket was offered. */
async function mendInputs({ engine, summaries, isHosted }: SweepOptions): Promise<number> {
  const { queue, inbox } = engine.store;
  const parked = [...(await summaries.current()).values()].filter(
    (one) => isHostable(one) && one.parkedReason !== null && !isHosted(one.run),
  );
  let mended = 0;
  for (const { run, workflow, inbox: taken, chain } of parked) {
    // Runs that continue each other share the inbox of the first.
    if ((await inbox.read(chain?.first ?? run, taken)).length === 0) continue;
    await queue.offer({ workflow, run });
    mended++;
  }
  return mended;
}

/** A sweep takes a while; a claim that was made meanwhile must not be given back in place of the old. */
async function hasMoved(
  { summaries, isHosted }: SweepOptions,
  { run, epoch }: RunSummary,
): Promise<boolean> {
  const now = (await summaries.current()).get(run);
  return now === undefined || now.epoch !== epoch || now.node === null || isHosted(run);
}
