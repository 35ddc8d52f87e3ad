/**
 * What `millrace run` shows while its run goes on: on a terminal a table of steps that is drawn in
 * place, elsewhere one line whenever a step begins, is tried again or ends.
 */
import { runView } from "../client/run-view.ts";
import { evolve } from "../domain/evolve.ts";
import { itemOf } from "../domain/plan.ts";
import { emptyRun, type RunState, shownState, stepActor } from "../domain/state.ts";
import type { RecordedEvent } from "../events/vocabulary.ts";
import type { Clock } from "../kernel/clock.ts";
import { eventDetail, eventSubject } from "./event-text.ts";
import { LiveRegion } from "./live-region.ts";
import type { Output } from "./output.ts";
import { duration, table, visible } from "./render.ts";
import { fitting, stepCells, stepDuration, stepHeader, stepNote, stepRows } from "./step-rows.ts";

/** Lines of the region besides the steps: the run's own, and the table's header. */
const HEAD_LINES = 2;
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
    const { id, run, cursor } = this.#state;
    const { workflow, parkedReason, createdAt, endedAt } = run.context;
    if (cursor.seq === 0) return `run ${id}`;
    const why = parkedReason === null ? "" : `: ${visible(parkedReason)}`;
    const since = duration((endedAt ?? this.#clock.now()) - createdAt);
    return this.#output.paint("bold", `run ${id}  ${workflow}  ${run.state}${why}  ${since}`);
  }

  #drawn(max: number): string[] {
    const now = this.#clock.now();
    const rows = stepRows(runView(this.#state));
    const { shown, rest } = fitting(rows, max - HEAD_LINES);
    const cells = shown.map((row) => stepCells(row, now));
    const { paint } = this.#output;
    return [
      this.#head(),
      ...(cells.length === 0 ? [] : table([stepHeader, ...cells], paint)),
      ...(rest === undefined ? [] : [paint("dim", rest)]),
    ];
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
