/**
 * Runs that this process cannot go on with: their code is not here or does not fit, a blob is gone, or
 * going on ends in a fault each time. What asks for their end needs neither code nor blobs and is taken;
 * otherwise the run is parked with the reason, and looked at again after longer and longer.
 */
import type { Failure } from "../../../machines/values.ts";
import { isTerminal, type RunState } from "../../domain/state.ts";
import { toFailure } from "../../events/failure.ts";
import { isMillraceError } from "../../kernel/errors.ts";
import { limits } from "../../kernel/limits.ts";
import type { StoredInput } from "../../ports/inbox.ts";
import type { Claim } from "../../ports/work-queue.ts";
import { isAway } from "../away.ts";
import type { Engine } from "../engine.ts";
import { loadRun } from "../reading/history.ts";
import { scheduleOfTicket } from "../records/schedules.ts";
import { commit } from "../turn/commit.ts";
import { Draft } from "../turn/draft.ts";
import { decodeInput } from "../turn/input.ts";
import { loseRunning, takeReport } from "../turn/take.ts";
import { takeInput } from "../turn/take-input.ts";
import { isCurrent } from "../turn/take-remote.ts";
import { policyOf } from "../turn/turn-context.ts";
import { inboxOf } from "./chain.ts";
import type { Surroundings } from "./last-duties.ts";
import { isDamage, leaveEnded, leaveParked } from "./leave.ts";

/** Why this process cannot go on with a run, and what it needs to know to end it. */
export interface Setback {
  readonly error: unknown;
  /**
   * Nothing but code helps: time does not, so it is not looked at again by itself, and what waits in its inbox
   * is for whoever has the code.
   */
  readonly forCode?: true;
  readonly surroundings: Surroundings;
}

/**
 * What becomes of a run whose host met a fault. A damaged or erased log helps nobody who claims it next,
 * so its ticket goes.
 */
export async function leaveFaulty(
  engine: Engine,
  claim: Claim,
  { error, surroundings }: Setback,
): Promise<void> {
  const { logger, world } = engine;
  const { run, workflow } = claim.ticket;
  const damaged = isDamage(error);
  logger.error(damaged ? "run set aside: its log is damaged" : "run given back", {
    run,
    error: String(error),
  });
  if (damaged || isMillraceError(error, "E_RUN_ERASED")) return claim.ack();
  const again = world.clock.now() + limits.parkAfterMs;
  // The ticket of a schedule names no run that could be written to.
  if (isAway(error) || scheduleOfTicket(claim.ticket) !== undefined) return claim.release(again);
  if (!(await claim.extend())) return;
  const state = await loadRun(engine, run, workflow);
  // To a run that has ended, or is not there, nothing more is written.
  const isOver = state.cursor.seq === 0 || isTerminal(state);
  if (isOver || !(await setAside(engine, claim, state, { error, surroundings }))) {
    await claim.release(again);
  }
}

/**
 * Takes what waits in the run's inbox (unless it is for others), and parks the run if it has not ended by that. False: somebody
 * else has written to the run, and nothing was done.
 */
export async function setAside(
  engine: Engine,
  claim: Claim,
  state: RunState,
  { error, forCode, surroundings }: Setback,
): Promise<boolean> {
  const mailbox = inboxOf(state.id, state.run.context);
  const draft = new Draft(state, engine.world.clock.now());
  const inputs = forCode === true ? [] : await engine.store.inbox.read(mailbox, state.cursor.inbox);
  const faults = state.run.context.faults + 1;
  draft.run({ type: "cmd.claim", now: draft.now, node: engine.node, lease: claim.token });
  for (const input of inputs) await take(engine, draft, input);
  loseRunning({ engine, driver: undefined }, draft, new Set());
  draft.settle();
  const until = forCode === true ? undefined : nextLook(state, draft.now, faults);
  park(draft, brief(error), faults, until);
  const taken = inputs.at(-1)?.position ?? state.cursor.inbox;
  if (!(await commit(engine, draft, taken))) return false;
  if (isTerminal(state)) await leaveEnded(engine, claim, state, surroundings);
  else await leaveParked(engine, claim, state, until);
  return true;
}

/** Everything that waits is taken: what attempts on other nodes led to counts, and they are lost after that. */
async function take(engine: Engine, draft: Draft, { bytes, position }: StoredInput): Promise<void> {
  const decoded = decodeInput(bytes);
  if (decoded === undefined) {
    draft.anomaly("unreadable-input", `inbox position ${position} holds no input of millrace`);
  } else if (decoded.kind !== "report" && decoded.kind !== "note") {
    await takeInput(undefined, draft, decoded);
  } else if (decoded.kind === "report" && isCurrent(draft, decoded)) {
    const { step, attempt, outcome } = decoded;
    const policy = policyOf({ driver: undefined }, draft.state, step);
    takeReport({ engine }, draft, { kind: "report", step, attempt, outcome, policy });
  } else draft.anomaly("late-report", `${decoded.kind} of node ${decoded.node}`, decoded.step);
}

/** When the run is to be looked at again. */
function nextLook({ run }: RunState, now: number, faults: number): number {
  const pause = Math.min(limits.faultPauseMaxMs, limits.parkAfterMs * 2 ** (faults - 1));
  return Math.min(now + pause, run.context.deadline ?? Number.POSITIVE_INFINITY);
}

function park(draft: Draft, error: Failure, faults: number, until: number | undefined): void {
  const { state, now } = draft;
  if (isTerminal(state)) return;
  const reason = `cannot go on: ${error.message}`;
  draft.run({ type: "cmd.park", now, reason, until: until ?? null, error, faults });
}

/** Code and message: stacks of the same fault again and again would fill the log. */
function brief(error: unknown): Failure {
  const { code, message } = toFailure(error);
  return { code, message };
}
