/**
 * One turn of a run: from what came in to the events of one commit. Everything here works on the
 * draft; nothing is acted on before the caller has appended it.
 */
import { nextWake } from "../../domain/outstanding.ts";
import { planStep, standsStill } from "../../domain/state.ts";
import { toFailure } from "../../events/failure.ts";
import { limits } from "../../kernel/limits.ts";
import type { GraphWorkflow } from "../../workflow/definition.ts";
import { type HandedOver, handOver } from "../attempts/hand-over.ts";
import { handOut } from "../values/values.ts";
import type { Draft } from "./draft.ts";
import { answerWaits, openWaits } from "./graph-waits.ts";
import type { Mail } from "./mail.ts";
import { requestChildren } from "./request-children.ts";
import { NONE_STARTED, startSteps } from "./start-steps.ts";
import { takeNote, takeReport } from "./take.ts";
import { takeArrival } from "./take-arrival.ts";
import { takeChildMail } from "./take-child.ts";
import { loseNode } from "./take-remote.ts";
import type { TurnContext } from "./turn-context.ts";

/** What a turn decided, beyond the events in its draft. */
export interface TurnOutcome extends HandedOver {
  /** The last inbox position taken. */
  readonly inbox: number;
  /** Not all that follows is in the draft: another turn is due. */
  readonly more: boolean;
  /** Calls to make once the commit stands. */
  readonly confirmed: readonly (() => void)[];
}

/** Takes the mails in order, and adds all that follows from them to the draft. */
export async function decideTurn(
  context: TurnContext,
  draft: Draft,
  mails: readonly Mail[],
): Promise<TurnOutcome> {
  let inbox = draft.state.cursor.inbox;
  const confirmed: (() => void)[] = [];
  const before = draft.events.length;
  for (const mail of mails) {
    if (mail.kind === "report") takeReport(context, draft, mail);
    else if (mail.kind === "note") takeNote(draft, mail, confirmed);
    else if (mail.kind === "child") takeChildMail(draft, mail);
    else if (mail.kind === "node gone") loseNode(context, draft, mail.node);
    else if (mail.kind === "arrival" && mail.input.position > inbox) {
      await takeArrival(context, draft, mail, confirmed);
      inbox = mail.input.position;
    }
  }
  const told = draft.events.length > before;
  try {
    const more = await followUp(context, draft);
    const begun = handOver(context, draft, mails, () => startSteps(context, draft));
    return { ...begun, inbox, confirmed, more: more || begun.failed };
  } catch (error) {
    // What was told stands, whatever keeps the run from going on; the next turn meets that again.
    if (!told) throw error;
    const none = handOver(context, draft, mails, () => NONE_STARTED);
    return { ...none, inbox, confirmed, more: true };
  }
}

/** A commit that has come to have more events than this is made before anything else is decided. */
const EVENTS_PER_COMMIT = 10_000;

/** Adds all that follows: by itself, by time, and by what the workflow's own code decides. */
async function followUp(context: TurnContext, draft: Draft): Promise<boolean> {
  const { state } = draft;
  for (;;) {
    const before = draft.events.length;
    draft.settle();
    if (!standsStill(state)) {
      // What is being undone takes up nothing new; only its function may have to be run again.
      if (state.run.state === "running") await goOn(context, draft);
      await context.driver?.advance(draft);
      if (state.run.state === "running" && (await requestChildren(context, draft))) return true;
    }
    if (draft.events.length === before) break;
    // A function that never waits long (a loop of short sleeps) must not keep the process to itself.
    if (draft.events.length > EVENTS_PER_COMMIT) return true;
  }
  warnOfLength(context, draft);
  if (state.cursor.seq > limits.runEventsMax && state.run.state === "running") {
    const message = `the run has more than ${limits.runEventsMax} events; split such work into several runs`;
    draft.fail({ code: "E_TOO_LARGE", message });
    draft.settle();
  }
  return false;
}

/** Lengths at which whoever hosts a run warns, each once: folding so many events takes time, and the end is near. */
export const WARNED_EVENTS: readonly number[] = [10_000, 100_000, 0.9 * limits.runEventsMax];

/** Before a limit bites, somebody should hear of it. */
function warnOfLength({ engine }: TurnContext, { state, events }: Draft): void {
  const { seq } = state.cursor;
  const before = seq - events.length;
  if (!WARNED_EVENTS.some((at) => before < at && at <= seq)) return;
  engine.logger.warn("the history of a run is long; continueAsNew, or split it into several runs", {
    run: state.id,
    events: seq,
    max: limits.runEventsMax,
  });
}

async function goOn(context: TurnContext, draft: Draft): Promise<void> {
  fireTimers(draft);
  if (context.workflow.kind !== "graph") return;
  await chooseSteps(context, context.workflow, draft);
  await mapSteps(context, draft);
  await openWaits(context, context.workflow, draft);
  await answerWaits(context, context.workflow, draft);
}

function fireTimers(draft: Draft): void {
  if ((nextWake(draft.state) ?? Number.POSITIVE_INFINITY) > draft.now) return;
  for (const [timer, { due }] of Object.entries(draft.state.run.context.timers)) {
    if (due <= draft.now) draft.run({ type: "cmd.fire_timer", now: draft.now, timer });
  }
}

async function chooseSteps(
  context: TurnContext,
  workflow: GraphWorkflow,
  draft: Draft,
): Promise<void> {
  for (const id of [...draft.state.ready]) {
    const step = planStep(draft.state, id);
    if (!step?.conditional) continue;
    const { now } = draft;
    const wait = step.policy.scheduleToStartMs;
    const startBy = wait === undefined || step.over !== undefined ? {} : { startBy: now + wait };
    const input = handOut(await context.results.inputOf(draft.state, id));
    try {
      const when = workflow.bodies.get(id)?.when;
      if (when?.(input) === false)
        draft.step(id, { type: "cmd.skip", now, reason: "its condition is false" });
      else draft.step(id, { type: "cmd.schedule", now, ...startBy });
    } catch (thrown) {
      draft.step(id, { type: "cmd.schedule", now, ...startBy });
      draft.failStep(id, toFailure(thrown));
    }
  }
}

async function mapSteps(context: TurnContext, draft: Draft): Promise<void> {
  for (const id of [...draft.state.unmapped]) {
    const step = planStep(draft.state, id);
    if (step === undefined) continue;
    const list = await context.results.listFor(draft.state, step);
    const { now } = draft;
    if (list === undefined) {
      const message = `step ${id} maps over ${step.over}, which did not return a list`;
      draft.failStep(id, { code: "E_STEP_FAILED", message });
    } else if (list.length > limits.mapItemsMax) {
      const message = `step ${id} maps over ${list.length} items, the limit is ${limits.mapItemsMax}`;
      draft.failStep(id, { code: "E_TOO_LARGE", message });
    } else draft.step(id, { type: "cmd.map", now, count: list.length });
  }
}
