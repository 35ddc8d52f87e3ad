/**
 * What the sweep mends between runs: an end that the parent was not told of, a run that was to go on for
 * another and never began, children that were not asked to stop, children that were erased.
 */
import { hasEnded, type RunSummaries, type RunSummary } from "../../projections/run-summary.ts";
import type { Engine } from "../engine.ts";
import { encodeInput } from "../turn/input.ts";

/** What a run owes at its end is done at once; only what is not done after this long was lost (ms). */
const SETTLED_MS = 5_000;

/** Ended runs that still owe something to others: whoever claims such a run does it. */
export function* endedOwing(view: RunSummaries, now: number): Generator<RunSummary> {
  for (const one of view.values()) {
    const { endedAt, next, partial, status } = one;
    const isEarly = endedAt === null || endedAt > now - SETTLED_MS;
    if (isEarly || partial || status === "quarantined") continue;
    if (next === null ? isAwaited(view, one) || leavesAlone(view, one) : !view.has(next)) yield one;
  }
}

/** Its parent, alive, does not know that it has ended. */
function isAwaited(view: RunSummaries, { run, parent, chain }: RunSummary): boolean {
  const waiting = parent === null ? undefined : view.get(parent.run);
  if (parent === null || waiting === undefined || hasEnded(waiting)) return false;
  return waiting.children[parent.step]?.run === (chain?.first ?? run);
}

const STOPPING: ReadonlySet<string> = new Set(["cancelling", "compensating"]);

/** It has ended before its children, and one of them goes on though it should not. */
function leavesAlone(view: RunSummaries, { children }: RunSummary): boolean {
  return Object.values(children).some(({ run, onParentClose }) => {
    let child = view.get(run);
    while (child?.next != null) child = view.get(child.next);
    if (onParentClose === "abandon" || child === undefined || hasEnded(child)) return false;
    return !STOPPING.has(child.status);
  });
}

/** Tells a run of its child runs that were erased: they will not tell it of any end. Returns how many. */
export async function tellOfErased(
  { store, world }: Engine,
  view: RunSummaries,
  { run: parent, workflow, chain, children }: RunSummary,
): Promise<number> {
  const gone = Object.entries(children).filter(([, { run, started }]) => started && !view.has(run));
  for (const [step, { run }] of gone) {
    const error = { code: "E_RUN_ERASED", message: `run ${run} was erased before it ended` };
    const report = { kind: "child", id: world.ids(), parent, step, run, error } as const;
    await store.inbox.post(chain?.first ?? parent, encodeInput(report));
  }
  if (gone.length > 0) await store.queue.offer({ workflow, run: parent });
  return gone.length;
}
