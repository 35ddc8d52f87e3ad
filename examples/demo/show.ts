/** What the demo shows: progress while it runs, and an account of the run at its end. */
import type { RecordedEvent, RunView, StepView } from "../../src/index.ts";

export interface Outcome {
  readonly store: string;
  readonly killed: boolean;
  /** `seq` of the last event before the kill. */
  readonly killedAfterEvent: number;
  /** Steps whose result was recorded before the kill and whose code ran again after it. */
  readonly completedStepsRunTwice: number;
  /** Steps that were running when the worker died, and were tried again. */
  readonly retriedSteps: readonly string[];
  readonly events: number;
  readonly seconds: number;
  readonly before: RunView;
  readonly after: RunView;
  readonly report: string;
}

/** One line that grows, on a terminal; a line now and then elsewhere. */
export class Progress {
  readonly #out: NodeJS.WriteStream;
  #files = 0;
  #parsed = 0;
  #step = "starting";

  constructor(out: NodeJS.WriteStream) {
    this.#out = out;
  }

  show(event: RecordedEvent): void {
    if (event.type === "step.mapped" && event.step === "parse") this.#files = event.count;
    if (event.type === "step.started") this.#step = event.step.replace(/\[.*/, "");
    if (event.type === "step.completed" && event.step.startsWith("parse[")) this.#parsed++;
    const every = this.#out.isTTY ? 1 : Math.max(1, Math.ceil(this.#files / 4));
    if (this.#parsed % every === 0 || event.type === "run.completed") this.#draw(event);
  }

  say(message: string): void {
    this.#out.write(`${this.#out.isTTY ? "\r\x1b[K" : ""}${message}\n`);
  }

  end(): void {
    if (this.#out.isTTY) this.#out.write("\r\x1b[K");
  }

  #draw(event: RecordedEvent): void {
    const share = this.#files === 0 ? 0 : this.#parsed / this.#files;
    const bar = "█".repeat(Math.round(share * 24)).padEnd(24, "░");
    const line = `${bar} ${this.#parsed}/${this.#files} files  ${this.#step}  event ${event.seq}`;
    if (this.#out.isTTY) this.#out.write(`\r\x1b[K${line}`);
    else if (event.type === "step.completed" || event.type === "run.completed") this.say(line);
  }
}

const ms = (step: StepView): number => (step.endedAt ?? 0) - (step.startedAt ?? 0);

/** Steps and the items of mapped steps, summed up per name. */
function costs(view: RunView): { step: string; count: number; totalMs: number; retried: number }[] {
  const byName = new Map<
    string,
    { step: string; count: number; totalMs: number; retried: number }
  >();
  for (const step of view.steps) {
    if (step.items !== null) continue;
    const name = step.step.replace(/\[.*/, "");
    const cost = byName.get(name) ?? { step: name, count: 0, totalMs: 0, retried: 0 };
    cost.count++;
    cost.totalMs += ms(step);
    if (step.attempt > 1) cost.retried++;
    byName.set(name, cost);
  }
  return [...byName.values()];
}

function statuses(view: RunView): string {
  const counts = new Map<string, number>();
  for (const { status } of view.steps) counts.set(status, (counts.get(status) ?? 0) + 1);
  return [...counts].map(([status, count]) => `${count} ${status}`).join(", ");
}

export function printOutcome(outcome: Outcome, json: boolean): void {
  if (json) {
    const { before, after, ...facts } = outcome;
    const at = {
      seq: before.seq,
      status: before.status,
      node: before.node,
      steps: statuses(before),
    };
    console.log(JSON.stringify({ ...facts, stateBeforeKill: at, costs: costs(after) }));
    return;
  }
  const { before, after } = outcome;
  console.log(
    `\nThe run ended in ${outcome.seconds} s with ${outcome.events} events, hosted ${after.epoch} times.\n`,
  );
  console.log("step          times   total ms   tried again");
  for (const { step, count, totalMs, retried } of costs(after)) {
    console.log(
      `${step.padEnd(12)} ${String(count).padStart(6)} ${String(totalMs).padStart(10)} ${String(retried).padStart(13)}`,
    );
  }
  const again = outcome.retriedSteps.join(", ") || "nothing";
  console.log(
    `\nWhen the worker was killed, after event ${before.seq}: ${statuses(before)}; hosted by ${before.node}.`,
  );
  console.log(`Running at that moment and tried again: ${again}.`);
  console.log(`Completed before and executed again: ${outcome.completedStepsRunTwice}.`);
  console.log(`\nReport: ${outcome.report}`);
}
