/** The invariants of a run's steps, checked without the machines that the engine decides by. */
import { itemOf, type Plan, type PlanStep, undoOf } from "../../domain/plan.ts";
import type { RecordedEvent } from "../../events/vocabulary.ts";
import type { Report } from "./violation.ts";

type StepEvent = Extract<RecordedEvent, { readonly type: `${"step" | "child"}.${string}` }>;

const isStepEvent = (event: RecordedEvent): event is StepEvent =>
  /^(step|child)\./.test(event.type);

/** What was seen of one step, or of one item. */
interface Seen {
  attempt: number;
  maxAttempts: number;
  items: number;
  ended: string | undefined;
  /** Seq of the event that ended it. */
  endedAt: number;
}

/** I10, I11, I12, I14, I17 and I19 of one run. */
export class StepCheck {
  readonly #report: Report;
  readonly #steps = new Map<string, Seen>();
  #declared: ReadonlyMap<string, PlanStep> | undefined;
  readonly #running = new Set<string>();
  #concurrency = Number.POSITIVE_INFINITY;
  #stopping = false;
  #undoing = false;
  /** Undoing goes backwards: what is undone next was completed before this seq. */
  #undoneFrom = Number.POSITIVE_INFINITY;
  /** Seq of the event that began the last undo: what is completed later is undone later. */
  #undoAt = 0;

  constructor(report: Report) {
    this.#report = report;
  }

  /** What a run starts with that branches off behind event `seq`; its own events come after all of these. */
  inherited(report: Report, seq: number, reset: readonly string[]): StepCheck {
    const check = new StepCheck(report);
    const isReset = (id: string): boolean => reset.includes(itemOf(id)?.step ?? id);
    for (const [id, seen] of this.#steps) {
      const { ended, endedAt } = seen;
      if (undoOf(id) !== undefined || isReset(id)) continue;
      if (ended !== undefined) check.#steps.set(id, { ...seen, endedAt: endedAt - seq - 1 });
      else check.#steps.set(id, { ...seen, attempt: 0 });
    }
    return check;
  }

  take(event: RecordedEvent): void {
    if ("plan" in event && event.plan !== null) {
      const plan = event.plan as Plan;
      this.#concurrency = plan.concurrency ?? this.#concurrency;
      if (plan.kind === "graph") {
        this.#declared = new Map(plan.steps.map((step) => [step.name, step]));
      }
    }
    if (event.type === "run.cancelling") this.#stopping = true;
    if (event.type === "run.compensating") [this.#stopping, this.#undoing] = [true, true];
    if (isStepEvent(event)) this.#takeStep(event, this.#seen(event.step));
  }

  #takeStep(event: StepEvent, seen: Seen): void {
    if (seen.ended !== undefined) this.#report("I11", event, `it has ended: ${seen.ended}`);
    if (!event.type.startsWith("child.")) this.#running.delete(event.step);
    switch (event.type) {
      case "step.scheduled":
        seen.maxAttempts = event.maxAttempts ?? seen.maxAttempts;
        this.#begins(event);
        this.#undoes(event);
        break;
      case "step.mapped":
        seen.items = event.count;
        this.#begins(event);
        break;
      case "step.suspended":
        this.#begins(event);
        break;
      case "step.started":
      case "child.requested":
        this.#started(event, seen);
        break;
      case "child.started":
      case "child.stopping":
        this.#ofLast(event, seen);
        break;
      case "step.retrying":
        this.#ofLast(event, seen);
        if (!(event.retryAt >= event.at)) this.#report("I17", event, "it waits less than nothing");
        if (event.attempt >= seen.maxAttempts) {
          this.#report("I17", event, `attempt ${event.attempt} of ${seen.maxAttempts} is retried`);
        }
        break;
      case "step.held":
        this.#ofLast(event, seen);
        break;
      case "step.rescheduled":
        seen.maxAttempts = event.maxAttempts;
        this.#begins(event);
        break;
      case "step.completed":
      case "step.failed":
        this.#ofLast(event, seen);
        seen.ended = event.type;
        break;
      default:
        seen.ended = event.type;
    }
    if (seen.ended !== undefined) seen.endedAt = event.seq;
  }

  #started(
    event: Extract<StepEvent, { type: "step.started" | "child.requested" }>,
    seen: Seen,
  ): void {
    if (event.attempt !== seen.attempt + 1) {
      this.#report("I10", event, `attempt ${event.attempt} follows ${seen.attempt}`);
    }
    seen.attempt = event.attempt;
    const { size } = this.#running.add(event.step);
    if (size > this.#concurrency) {
      this.#report("I17", event, `${size} run at once, ${this.#concurrency} may`);
    }
    if (event.attempt > seen.maxAttempts) {
      this.#report("I17", event, `attempt ${event.attempt} of ${seen.maxAttempts}`);
    }
    this.#begins(event);
  }

  #ofLast(event: StepEvent & { readonly attempt: number }, seen: Seen): void {
    if (event.attempt === seen.attempt) return;
    this.#report("I12", event, `attempt ${event.attempt}, the last begun is ${seen.attempt}`);
  }

  #begins(event: StepEvent): void {
    const stopping = this.#stopping && undoOf(event.step) === undefined;
    if (stopping) this.#report("I17", event, `${event.type} in a run that is being stopped`);
    if (this.#declared === undefined) return;
    const item = itemOf(event.step);
    if (item !== undefined) {
      const { items, ended } = this.#seen(item.step);
      if (item.index >= items || ended !== undefined) {
        this.#report("I14", event, `${event.step} is none of the ${items} items under way`);
      }
      return;
    }
    const needs = this.#declared.get(event.step)?.needs ?? [];
    const missing = needs.filter((need) => this.#steps.get(need)?.ended === undefined);
    if (missing.length > 0) this.#report("I14", event, `${missing.join(", ")} have not ended`);
    const failed = needs.filter((need) => this.#steps.get(need)?.ended === "step.failed");
    if (failed.length > 0) this.#report("I14", event, `${failed.join(", ")} have failed`);
  }

  #undoes(event: StepEvent): void {
    const undone = undoOf(event.step);
    if (undone === undefined) return;
    const { ended, endedAt } = this.#seen(undone);
    if (!this.#undoing || ended !== "step.completed") {
      this.#report("I19", event, `${undone} is undone, and ${ended ?? "has not ended"}`);
    }
    if (endedAt >= this.#undoneFrom && endedAt < this.#undoAt) {
      this.#report("I19", event, `${undone} is undone after what was completed before it`);
    }
    this.#undoneFrom = endedAt;
    this.#undoAt = event.seq;
  }

  #seen(step: string): Seen {
    const known = this.#steps.get(step);
    if (known !== undefined) return known;
    const policy = this.#declared?.get(itemOf(step)?.step ?? step)?.policy;
    const maxAttempts = policy?.retry.maxAttempts ?? Number.POSITIVE_INFINITY;
    const seen: Seen = { attempt: 0, maxAttempts, items: 0, ended: undefined, endedAt: 0 };
    this.#steps.set(step, seen);
    return seen;
  }
}
