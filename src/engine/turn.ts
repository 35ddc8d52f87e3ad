/**
 * One turn of a run: from what came in to the events of one commit. Everything here works on the
 * draft; nothing is acted on before the caller has appended it.
 */
import { type Setback, setbackCommand, startCommand } from "../domain/decide.ts";
import { nextWake, outstanding } from "../domain/outstanding.ts";
import { type StepPolicy, undoOf } from "../domain/plan.ts";
import { isHeld, planStep, type RunState, stepActor } from "../domain/state.ts";
import type { Refusal } from "../domain/table.ts";
import { toFailure } from "../events/failure.ts";
import { MillraceError } from "../kernel/errors.ts";
import { limits } from "../kernel/limits.ts";
import type { GraphWorkflow, Workflow } from "../workflow/definition.ts";
import { DEFAULT_RETRY } from "../workflow/policy.ts";
import type { CodeDriver } from "./code-driver.ts";
import type { Draft } from "./draft.ts";
import type { Engine } from "./engine.ts";
import { decodeInput, type Input } from "./input.ts";
import type { Arrival, Mail, Note, Report } from "./mail.ts";
import { stepBody } from "./step-body.ts";
import type { Results } from "./step-input.ts";
import { handOut } from "./values.ts";

/** What a turn may use besides its draft. */
export interface TurnContext {
  readonly engine: Engine;
  readonly workflow: Workflow;
  readonly results: Results;
  /** Code workflows only. */
  readonly driver: CodeDriver | undefined;
  /** False: no further attempt can begin in this process right now. */
  takeSlot(): boolean;
  /** A slot that was taken is not needed after all. */
  giveSlotBack(): void;
}

/** What a turn decided, beyond the events in its draft. */
export interface TurnOutcome {
  /** Steps that this commit begins; each holds a slot. */
  readonly started: readonly string[];
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
  for (const mail of mails) {
    if (mail.kind === "report") takeReport(context, draft, mail);
    else if (mail.kind === "note") takeNote(draft, mail, confirmed);
    else if (mail.kind === "arrival" && mail.input.position > inbox) {
      takeInput(draft, mail);
      inbox = mail.input.position;
    }
  }
  const more = await followUp(context, draft);
  return { started: startSteps(context, draft), inbox, confirmed, more };
}

/** The attempts that a dead or fenced host left running: each counts, and is tried again. */
export function loseRunning(context: TurnContext, draft: Draft): void {
  for (const step of [...draft.state.running]) {
    const { attempt, node } = stepActor(draft.state, step).context;
    const error = toFailure(
      new MillraceError(
        "E_STEP_LOST",
        `node ${node ?? "?"} went away during attempt ${attempt} of step ${step}`,
      ),
    );
    const policy = policyOf(context, draft.state, step);
    const setback = { attempt, error: withoutStack(error), retry: "lost" } as const;
    takeSetback(context, draft, step, policy, setback);
  }
}

const withoutStack = ({ code, message }: { code: string; message: string }) => ({ code, message });

function takeReport(context: TurnContext, draft: Draft, report: Report): void {
  const { step, attempt, outcome, policy } = report;
  const { now } = draft;
  if (!outcome.ok) {
    takeSetback(context, draft, step, policy, { attempt, ...outcome });
    return;
  }
  const refused = draft.step(step, { type: "cmd.complete", now, attempt, output: outcome.output });
  if (refused) draft.anomaly("late-report", `attempt ${attempt} in state ${refused.state}`, step);
}

function takeSetback(
  context: TurnContext,
  draft: Draft,
  step: string,
  { retry }: StepPolicy,
  setback: Omit<Setback, "random" | "undoes">,
): void {
  const random = context.engine.world.random.next();
  const undoes = undoOf(step) === undefined ? {} : { undoes: true as const };
  const command = setbackCommand(draft.state, retry, { ...setback, ...undoes, random }, draft.now);
  const refused = draft.step(step, command);
  if (refused)
    draft.anomaly("late-report", `attempt ${setback.attempt} in state ${refused.state}`, step);
}

/** How the step is run: as its plan says, or as the code asked for it. */
export const policyOf = (context: TurnContext, state: RunState, step: string): StepPolicy =>
  planStep(state, step)?.policy ??
  context.driver?.body(undoOf(step) ?? step)?.policy ?? { retry: DEFAULT_RETRY };

function takeNote(draft: Draft, note: Note, confirmed: (() => void)[]): void {
  const actor = stepActor(draft.state, note.step);
  if (actor.state !== "running" || actor.context.attempt !== note.attempt) {
    const closed = `attempt ${note.attempt} of step ${note.step} has ended; nothing more of it is recorded`;
    note.done.reject(new MillraceError("E_CTX_CLOSED", closed, { details: { step: note.step } }));
    return;
  }
  const event = note.make(draft);
  draft.add([event]);
  confirmed.push(() => note.done.resolve(event));
}

function takeInput(draft: Draft, { input }: Arrival): void {
  const decoded = decodeInput(input.bytes);
  if (decoded === undefined) {
    draft.anomaly(
      "unreadable-input",
      `inbox position ${input.position} holds no input of millrace`,
    );
    return;
  }
  const refused = takeDecoded(draft, decoded);
  if (refused) {
    draft.anomaly("refused-input", `${decoded.kind} ${decoded.id} in state ${refused.state}`);
  }
}

function takeDecoded(draft: Draft, input: Input): Refusal | undefined {
  const { now } = draft;
  switch (input.kind) {
    case "signal":
      return draft.run({
        type: "cmd.signal",
        now,
        signal: input.id,
        name: input.name,
        payload: input.payload,
      });
    case "cancel":
      return draft.run({ type: "cmd.cancel", now, by: input.by, reason: input.reason });
    case "pause":
      return draft.run({ type: "cmd.pause", now, by: input.by, reason: input.reason });
    case "resume":
      return draft.run({ type: "cmd.resume", now, by: input.by });
    case "step":
      if (!isKnown(draft.state, input.step)) return { state: "undeclared", refused: input.command };
      return draft.step(input.step, { type: input.command, now, reason: input.reason });
  }
}

const isKnown = (state: RunState, step: string): boolean =>
  state.steps.has(step) || state.pending.has(step) || state.graph?.steps.has(step) === true;

/** A commit that has come to have more events than this is made before anything else is decided. */
const EVENTS_PER_COMMIT = 10_000;

/** Adds all that follows: by itself, by time, and by what the workflow's own code decides. */
async function followUp(context: TurnContext, draft: Draft): Promise<boolean> {
  const { state } = draft;
  for (;;) {
    const before = draft.events.length;
    draft.settle();
    if (!isHeld(state)) {
      // What is being undone takes up nothing new; only its function may have to be run again.
      if (state.run.state === "running") await goOn(context, draft);
      await context.driver?.advance(draft);
    }
    if (draft.events.length === before) break;
    // A function that never waits long (a loop of short sleeps) must not keep the process to itself.
    if (draft.events.length > EVENTS_PER_COMMIT) return true;
  }
  if (state.cursor.seq > limits.runEventsMax && state.run.state === "running") {
    const message = `the run has more than ${limits.runEventsMax} events; split such work into several runs`;
    draft.fail({ code: "E_TOO_LARGE", message });
    draft.settle();
  }
  return false;
}

async function goOn(context: TurnContext, draft: Draft): Promise<void> {
  fireTimers(draft);
  if (context.workflow.kind !== "graph") return;
  await chooseSteps(context, context.workflow, draft);
  await mapSteps(context, draft);
}

function fireTimers(draft: Draft): void {
  if ((nextWake(draft.state) ?? Number.POSITIVE_INFINITY) > draft.now) return;
  for (const [timer, due] of Object.entries(draft.state.run.context.timers)) {
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
      failPending(draft, id, toFailure(thrown));
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
      failPending(draft, id, { code: "E_STEP_FAILED", message });
    } else if (list.length > limits.mapItemsMax) {
      const message = `step ${id} maps over ${list.length} items, the limit is ${limits.mapItemsMax}`;
      failPending(draft, id, { code: "E_TOO_LARGE", message });
    } else draft.step(id, { type: "cmd.map", now, count: list.length });
  }
}

function failPending(draft: Draft, id: string, error: ReturnType<typeof toFailure>): void {
  const { now } = draft;
  draft.step(id, { type: "cmd.fail", now, attempt: 0, error, retry: false, retryAt: now });
}

function startSteps(context: TurnContext, draft: Draft): string[] {
  const started: string[] = [];
  if (isHeld(draft.state)) return started;
  const due: string[] = [];
  for (const duty of outstanding(draft.state, draft.now)) {
    if (duty.kind !== "start" || !canStart(context, draft.state, duty.step)) continue;
    if (!context.takeSlot()) break;
    due.push(duty.step);
  }
  for (const step of due) {
    const policy = policyOf(context, draft.state, step);
    const refused = draft.step(step, startCommand(context.engine.node, policy, draft.now));
    if (refused === undefined) started.push(step);
    else context.giveSlotBack();
  }
  return started;
}

/**
 * A step of code can only run once the code, run again after a crash, has come to it. What is to be
 * undone must be undone: without the code for it, nothing of the run is written here.
 */
function canStart(context: TurnContext, state: RunState, step: string): boolean {
  if (stepBody(context, state, step) !== undefined) return true;
  if (undoOf(step) === undefined) return false;
  throw new MillraceError(
    "E_WORKFLOW_UNKNOWN",
    `this process has no code for ${step} of run ${state.id}; give open() the version of workflow ${context.workflow.name} that the run began with`,
    { details: { run: state.id, step } },
  );
}
