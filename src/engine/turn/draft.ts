/**
 * A commit in the making: the events decided so far, already folded into the run's working state so
 * that the next decision sees them. Nobody outside sees that state before the frame is appended; when
 * the append is refused, the state is thrown away and folded from the log again.
 */
import type { RunCommand } from "../../../machines/run-data.ts";
import type { StepCommand } from "../../../machines/step-data.ts";
import type { Failure } from "../../../machines/values.ts";
import { decideRun, decideStep } from "../../domain/decide.ts";
import { evolve } from "../../domain/evolve.ts";
import { endCommand, settle, stopAll } from "../../domain/settle.ts";
import { isTerminal, type RunState } from "../../domain/state.ts";
import type { Refusal } from "../../domain/table.ts";
import type { MillraceEvent } from "../../events/vocabulary.ts";

export class Draft {
  readonly state: RunState;
  readonly now: number;
  readonly events: MillraceEvent[] = [];
  /** Bytes of values in it that might as well be blobs: see `smallValue`. */
  inlineBytes = 0;

  constructor(state: RunState, now: number) {
    this.state = state;
    this.now = now;
  }

  add(events: readonly MillraceEvent[]): void {
    for (const event of events) {
      evolve(this.state, event);
      this.events.push(event);
    }
  }

  /** Undefined when the run's machine took the command. */
  run(command: RunCommand): Refusal | undefined {
    const decided = decideRun(this.state, command);
    if (!decided.ok) return decided.error;
    this.add(decided.value);
    return undefined;
  }

  /** Undefined when the step's machine took the command. */
  step(id: string, command: StepCommand): Refusal | undefined {
    const decided = decideStep(this.state, id, command);
    if (!decided.ok) return decided.error;
    this.add(decided.value);
    return undefined;
  }

  /** The run cannot complete: it fails, after what its steps did is undone. */
  fail(error: Failure): void {
    this.stopSteps(`the run fails: ${error.message}`);
    this.run(endCommand(this.state, this.now, error));
  }

  /** A step of which no attempt has begun cannot go on. */
  failStep(id: string, error: Failure): void {
    const { now } = this;
    this.step(id, { type: "cmd.fail", now, attempt: 0, error, retry: false, retryAt: now });
  }

  /** Ends the run at once; nothing is undone. Undefined when its machine took that. */
  terminate(by: string, reason: string): Refusal | undefined {
    if (!isTerminal(this.state)) this.stopSteps(`the run is terminated: ${reason}`);
    return this.run({ type: "cmd.terminate", now: this.now, by, reason });
  }

  anomaly(kind: string, detail: string, step?: string): void {
    this.add([
      {
        type: "anomaly.recorded",
        at: this.now,
        kind,
        detail,
        ...(step === undefined ? {} : { step }),
      },
    ]);
  }

  /** Cancels every step that is under way. */
  stopSteps(reason: string): void {
    this.add(stopAll(this.state, this.now, reason));
  }

  /** Adds all that follows by itself. */
  settle(): void {
    for (;;) {
      const events = settle(this.state, this.now);
      if (events.length === 0) return;
      this.add(events);
    }
  }
}
