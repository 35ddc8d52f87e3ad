/** What becomes of a run's ticket when its host lets the run go. The frame that says so comes first. */
import { isHeldBack } from "../../domain/admission.ts";
import { nextWake } from "../../domain/outstanding.ts";
import { openChildren, type RunState } from "../../domain/state.ts";
import { isMillraceError } from "../../kernel/errors.ts";
import type { Claim } from "../../ports/work-queue.ts";
import type { Engine } from "../engine.ts";
import { inboxOf, newestOf } from "./chain.ts";
import { doLastDuties, type Surroundings } from "./last-duties.ts";

/** The run has ended: once what it owes is done, nobody needs its ticket or what is left in its inbox. */
export async function leaveEnded(
  engine: Engine,
  claim: Claim,
  state: RunState,
  surroundings: Surroundings,
): Promise<void> {
  await doLastDuties(engine, state, surroundings);
  const { inbox } = state.cursor;
  const mailbox = inboxOf(state.id, state.run.context);
  await Promise.all([
    claim.ack(),
    inbox > 0 ? engine.store.inbox.discard(mailbox, inbox) : undefined,
  ]);
}

/**
 * A ticket came for a run that has ended: for what it owes, if its host died before that was done, or for
 * something that was sent to it. That is the newest run's of its chain, or nobody's.
 */
export async function leaveEndedAgain(
  engine: Engine,
  claim: Claim,
  state: RunState,
  surroundings: Surroundings,
): Promise<void> {
  await doLastDuties(engine, state, surroundings);
  await claim.ack();
  const { inbox, queue } = engine.store;
  const { context } = state.run;
  const newest = await newestOf(engine, state.id);
  if (!newest.ended || newest.next !== undefined) {
    return queue.offer({ workflow: context.workflow, run: newest.run });
  }
  const mailbox = inboxOf(state.id, context);
  const last = (await inbox.read(mailbox, 0)).at(-1);
  if (last !== undefined) await inbox.discard(mailbox, last.position);
}

/** What a run that is parked waits for, as recorded. */
export function whyParked(state: RunState, until: number | undefined): string {
  const { paused, timers, waits } = state.run.context;
  if (paused !== null) return "paused";
  if (isHeldBack(state)) return until === undefined ? "waits for admission" : "waits for its time";
  if (state.held.size > 0) return `held: ${named([...state.held])}`;
  const others = new Set(
    Object.values(waits).map(({ approval }) => (approval ? "a decision" : "a signal")),
  );
  const isTimed = Object.keys(timers).length > 0 || (until !== undefined && others.size === 0);
  const children = openChildren(state) > 0 ? ["children"] : [];
  const all = [...(isTimed ? ["a time"] : []), ...others, ...children];
  return `waits for ${all.join(" or ") || "a signal"}`;
}

/** Steps of one kind beyond this many are counted, not named. */
const NAMED_MAX = 3;

const named = (steps: readonly string[]): string => {
  const more = steps.length - NAMED_MAX;
  const first = steps.slice(0, NAMED_MAX).join(", ");
  return `step ${first}${more > 0 ? ` and ${more} more` : ""}`;
};

/** The run waits, held by nobody: until a time, if there is one, and for inputs. */
export async function leaveParked(
  engine: Engine,
  claim: Claim,
  state: RunState,
  until: number | undefined,
): Promise<void> {
  const { inbox, queue } = engine.store;
  const { id: run, cursor } = state;
  if (until === undefined) await claim.ack();
  else await claim.release(until);
  // What was posted, or moved the run to another version, while the ticket was still held got none of its own.
  const mailbox = inboxOf(run, state.run.context);
  const [late, moved] = await Promise.all([
    inbox.read(mailbox, cursor.inbox),
    hasMoved(engine, state),
  ]);
  if (late.length > 0 || moved) await queue.offer({ workflow: state.run.context.workflow, run });
  if (cursor.inbox > 0) await inbox.discard(mailbox, cursor.inbox);
}

/** Somebody has written to the run since it was looked at. */
export async function hasMoved(engine: Engine, { id, cursor }: RunState): Promise<boolean> {
  for await (const _ of engine.store.log.read({ run: id, after: cursor.head, limit: 1 }))
    return true;
  return false;
}

/**
 * A ticket that came too early, or twice, for a run that is parked: nothing to do yet, so nothing is written.
 * False: there is something.
 * @param startedAt when this process began: it may have what was missing before
 */
export async function leaveIfParked(
  engine: Engine,
  claim: Claim,
  state: RunState,
  startedAt: number,
): Promise<boolean> {
  const { parkedUntil, parkedError, updatedAt } = state.run.context;
  const due = parkedUntil ?? nextWake(state);
  if (due !== undefined && due <= engine.world.clock.now()) return false;
  if (parkedError?.code === "E_VERSION_UNKNOWN") return false;
  if (parkedError !== null && updatedAt < startedAt) return false;
  const mailbox = inboxOf(state.id, state.run.context);
  if ((await engine.store.inbox.read(mailbox, state.cursor.inbox)).length > 0) return false;
  await leaveParked(engine, claim, state, due);
  return true;
}

/** True for what a changed, missing or foreign frame leads to: trying again cannot help. */
export const isDamage = (error: unknown): boolean =>
  isMillraceError(error, "E_LOG_CORRUPT") || isMillraceError(error, "E_FRAME_INVALID");

/**
 * For work on hints that nobody waits for: a failure is logged, and the sweep mends what is missing.
 * @param whose the run or node that it is about, for the log
 */
export function unattended(
  engine: Engine,
  whose: Readonly<Record<string, string>>,
  work: Promise<unknown>,
): void {
  work.catch((error: unknown) => {
    if (isMillraceError(error, "E_STORE_CLOSED")) return;
    engine.logger.warn("a ticket or input was left behind", { ...whose, error: String(error) });
  });
}
