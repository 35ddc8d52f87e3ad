/**
 * What `millrace run` shows while its run goes on: on a terminal a table of steps that is drawn in
 * place, elsewhere one line whenever a step begins, is tried again or ends.
 */
import { runView } from "../client/looking/run-view.ts";
import { evolve } from "../domain/evolve.ts";
import { itemOf } from "../domain/plan.ts";
import { emptyRun, type RunState, shownState, stepActor } from "../domain/state.ts";
import type { RecordedEvent } from "../events/vocabulary.ts";
import type { Clock } from "../kernel/clock.ts";
import { eventDetail, eventSubject } from "./event-text.ts";
import { LiveRegion } from "./live-region.ts";
import type { Output } from "./output.ts";
import { visible } from "./render.ts";
import { screenHead, screenLines } from "./screen-lines.ts";
import { stepDuration, stepNote } from "./step-rows.ts";

/** Step events that get a line where nothing is drawn in place; of items, the last two only. */
const TOLD = new Set([
  "step.started",
  "step.mapped",
  "step.completed",
  "step.skipped",
  "step.cancelled",
]);
const TROUBLE = new Set(["step.retrying", "step.held", "step.failed"]);
const TOLD_OF_RUN = new Set(["run.parked", "run.cancelling", "timer.set", "signal.received"]);
/** Widths of the columns of such a line: a table that is written line by line. */
const [NAME_WIDTH, STATUS_WIDTH] = [24, 10];

/** The screen of one run, fed with its events. */
export class RunScreen {
  readonly #output: Output;
  readonly #clock: Clock;
  readonly #state: RunState;
  readonly #region: LiveRegion;

  constructor(output: Output, clock: Clock, run: string) {
    this.#output = output;
    this.#clock = clock;
    this.#state = emptyRun(run);
    this.#region = new LiveRegion(output, clock, (rows) => this.#drawn(rows));
  }

  /** Takes the run's next event; all of them, from the first. */
  take(event: RecordedEvent): void {
    evolve(this.#state, event);
    if (this.#output.redraws) return;
    const line = this.#lineOf(event);
    if (line !== undefined) this.#region.above(line);
  }

  /** Writes text that is not the screen's own: what steps print. */
  above(text: string): void {
    this.#region.above(text);
  }

  /** Ends the drawing and leaves the run, and on a terminal its steps, as they are now. */
  async close(): Promise<void> {
    await this.#region.close();
    const { redraws } = this.#output;
    const last = redraws ? this.#drawn(Number.POSITIVE_INFINITY) : [this.#head()];
    for (const line of last) this.#output.print(line);
  }

  #head(): string {
    const { id, cursor } = this.#state;
    if (cursor.seq === 0) return `run ${id}`;
    return screenHead(runView(this.#state), this.#clock.now(), this.#output);
  }

  #drawn(max: number): string[] {
    if (this.#state.cursor.seq === 0) return [this.#head()];
    return screenLines(runView(this.#state), this.#clock.now(), max, this.#output);
  }

  #lineOf(event: RecordedEvent): string | undefined {
    if (event.type === "run.created") return `run ${event.run}  ${event.workflow}`;
    if (TOLD_OF_RUN.has(event.type)) {
      return visible(`${event.type} ${eventSubject(event)} ${eventDetail(event)}`);
    }
    if (!("step" in event) || event.step === undefined) return undefined;
    const { step } = event;
    const told = TROUBLE.has(event.type) || (TOLD.has(event.type) && itemOf(step) === undefined);
    if (!told) return undefined;
    const { context, state } = stepActor(this.#state, step);
    const isDone = event.type === "step.completed";
    const items = isDone || event.type === "step.mapped" ? context.items : null;
    const status = shownState(state);
    const facts = { ...context, step, status, items };
    const now = this.#clock.now();
    const columns = [
      step.padEnd(NAME_WIDTH),
      status.padEnd(STATUS_WIDTH),
      context.attempt === 0 ? "" : `attempt ${context.attempt}`,
      status === "running" ? "" : stepDuration(facts, now),
      stepNote(facts, { ended: isDone ? (items ?? 0) : 0, failed: 0 }, now),
    ];
    return visible(columns.join("  ").trimEnd());
  }
}
