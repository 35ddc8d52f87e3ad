/** A run in the making: its state, its log, and what holds after every single event. */
import assert from "node:assert/strict";
import type { RunCommand } from "../../machines/run-data.ts";
import type { StepCommand } from "../../machines/step-data.ts";
import { decideRun, decideStep } from "../../src/domain/decide.ts";
import { evolve } from "../../src/domain/evolve.ts";
import { explain } from "../../src/domain/explain.ts";
import { nextWake, outstanding } from "../../src/domain/outstanding.ts";
import type { Plan } from "../../src/domain/plan.ts";
import { settle } from "../../src/domain/settle.ts";
import {
  emptyRun,
  isTerminal,
  type RunState,
  standsStill,
  stepActor,
} from "../../src/domain/state.ts";
import type { MillraceEvent } from "../../src/events/vocabulary.ts";

/** Every field of a state as plain data, so that nothing is left out of a comparison. */
export function dump(value: unknown): unknown {
  if (value instanceof Map) return [...value].map(([key, item]) => [key, dump(item)]);
  if (value instanceof Set) return [...value];
  if (Array.isArray(value)) return value.map(dump);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, dump(item)]));
}

/** The state that a log gives, folded from nothing. */
export function fold(log: readonly string[]): RunState {
  const state = emptyRun("r");
  for (const line of log) evolve(state, JSON.parse(line) as MillraceEvent);
  return state;
}

/** Follow-ups of follow-ups: more than so many in a row never end. */
const SETTLES_MAX = 100;

export interface RecordedRunOptions {
  /** Fold the whole log again after every event: dear, and the point. @default true */
  readonly refold?: boolean;
  readonly deadlineMs?: number;
}

export class RecordedRun {
  readonly plan: Plan;
  readonly state = emptyRun("r");
  readonly log: string[] = [];
  now = 1_000;
  readonly #refold: boolean;

  constructor(plan: Plan, options: RecordedRunOptions = {}) {
    this.plan = plan;
    this.#refold = options.refold ?? true;
    const { deadlineMs } = options;
    this.add([
      {
        type: "run.created",
        at: this.now,
        workflow: "w",
        content: "c",
        input: { json: 1 },
        plan,
        ...(deadlineMs === undefined ? {} : { deadline: this.now + deadlineMs }),
      },
    ]);
  }

  get events(): MillraceEvent[] {
    return this.log.map((line) => JSON.parse(line) as MillraceEvent);
  }

  /** True: the run's machine took the command. */
  run(command: RunCommand): boolean {
    const decided = this.#pure(() => decideRun(this.state, command));
    if (decided.ok) this.add(decided.value);
    return decided.ok;
  }

  /** True: the step's machine took the command. */
  step(id: string, command: StepCommand): boolean {
    const decided = this.#pure(() => decideStep(this.state, id, command));
    if (decided.ok) this.add(decided.value);
    return decided.ok;
  }

  add(events: readonly MillraceEvent[]): void {
    for (const event of events) {
      this.log.push(JSON.stringify(event));
      evolve(this.state, event);
      assert.equal(this.state.cursor.seq, this.log.length);
      if (!this.#refold) continue;
      const again = fold(this.log);
      assert.deepEqual(dump(again), dump(this.state));
      assert.deepEqual([...outstanding(again, this.now)], [...outstanding(this.state, this.now)]);
    }
  }

  /** Adds all that follows by itself, which must come to an end. */
  settle(): void {
    for (let round = 0; round < SETTLES_MAX; round++) {
      const events = this.#pure(() => settle(this.state, this.now));
      if (events.length === 0) {
        this.#checkDuties();
        return;
      }
      this.add(events);
    }
    throw new Error("what follows by itself never ends");
  }

  /** Deciding, settling and looking change nothing. */
  #pure<T>(look: () => T): T {
    if (!this.#refold) return look();
    const before = JSON.stringify(dump(this.state));
    const seen = look();
    assert.equal(JSON.stringify(dump(this.state)), before);
    return seen;
  }

  #checkDuties(): void {
    const { state, now } = this;
    const duties = this.#pure(() => [...outstanding(state, now)]);
    assert.equal(new Set(duties.map(({ key }) => key)).size, duties.length, "keys are unique");
    this.#checkReasons();
    const graphRuns = state.plan?.kind === "graph" && state.run.state === "running";
    const waits = (graphRuns && !standsStill(state)) || state.run.state === "compensating";
    const asks = state.held.size + Object.keys(state.run.context.waits).length > 0;
    if (waits && !asks) assert.ok(duties.length > 0, "what goes on waits for something inside it");
    for (const duty of duties) {
      if (duty.kind === "wake") assert.ok((nextWake(state) ?? Infinity) <= duty.at);
      // What an ended run still owes is done, and not recorded any more.
      else if (isTerminal(state)) continue;
      else if ("step" in duty && duty.kind !== "report" && duty.kind !== "await")
        assert.ok(takes(state, duty.step, duty.kind, now), duty.key);
      if (duty.kind === "start") {
        const { attempt } = stepActor(state, duty.step).context;
        assert.equal(duty.key, `start/${duty.step}/${attempt + 1}`, "a key of the next attempt");
      }
    }
  }

  /** Whatever has not ended says why: each reason with its beginning, and with who could end it. */
  #checkReasons(): void {
    const { state, now } = this;
    const { waits } = explain(state);
    assert.equal(waits.length > 0, !isTerminal(state), "whatever has not ended can say why");
    for (const { what, since, until, by, next } of waits) {
      assert.ok(since >= 1_000 && since <= now, `${what}: since ${since}`);
      assert.ok(until === null || Number.isFinite(until), `${what}: until ${until}`);
      for (const text of [what, by, next]) assert.match(text, /\S/, what);
    }
  }
}

const CHILD = {
  childRun: "c",
  childWorkflow: "w",
  input: { json: null },
  onParentClose: "cancel",
} as const;

/** Whether a duty can be done: the step takes the command that does it. */
function takes(
  state: RunState,
  id: string,
  kind: "start" | "choose" | "map" | "open" | "request" | "child" | "stop",
  now: number,
): boolean {
  const commands = {
    start: { type: "cmd.start", now, node: "n" },
    choose: { type: "cmd.schedule", now },
    map: { type: "cmd.map", now, count: 0 },
    open: { type: "cmd.suspend", now },
    request: { type: "cmd.request", now, ...CHILD },
    child: { type: "cmd.confirm", now },
    stop: { type: "cmd.confirm", now },
  } as const;
  return decideStep(state, id, commands[kind]).ok;
}
