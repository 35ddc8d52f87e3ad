/** One life of a run: from its start to where it ends, or waits for somebody, under one disturbance. */
import type { Decision } from "../../../machines/approval.ts";
import type { RecordedEvent } from "../../events/vocabulary.ts";
import { type Duration, millis } from "../../kernel/duration.ts";
import { isMillraceError } from "../../kernel/errors.ts";
import type { Workflow } from "../../workflow/definition.ts";
import { checkLog } from "../checks/check-log.ts";
import type { Violation } from "../checks/violation.ts";
import type { Effect, EffectLedger } from "./effects.ts";
import type { Execution } from "./execution.ts";
import type { Outside } from "./outside.ts";
import { type TestRuntime, type TestRuntimeOptions, testRuntime } from "./runtime.ts";
import type { Crash, CrashPoint } from "./simulation.ts";
import type { TestRun } from "./test-run.ts";

/** A signal that a run is sent in a test, or somebody's decision. */
export interface TestSignal {
  /** Of the signal, or of the approval. */
  readonly name: string;
  readonly payload?: unknown;
  /** It decides the approval of that name, and has no payload then. */
  readonly decision?: Decision;
  /** How long after the start. @default 0, which may be before anybody waits for it */
  readonly after?: Duration;
}

/** What is lived. */
export interface LifePlan {
  readonly workflows: (outside: Outside) => readonly [Workflow, ...Workflow[]];
  readonly input: unknown;
  readonly signals: readonly TestSignal[];
  readonly seed: number;
  readonly effects: EffectLedger | undefined;
  readonly node: Pick<TestRuntimeOptions, "resources" | "labels">;
  readonly within: Duration;
  readonly patienceMs: number | undefined;
}

/** What is different from an undisturbed life. */
export interface Disturbance {
  readonly crashes: readonly CrashPoint[];
  /** Every signal is sent twice: from the first crash on, or from the beginning; and once more at the end. */
  readonly twice: "never" | "after a crash" | "always";
  /** Signals come so much later (ms). */
  readonly lateMs: number;
}

/** How a run ended, or what it waits for. */
export type Outcome =
  | { readonly status: "completed"; readonly output: unknown }
  | { readonly status: "failed"; readonly code: string; readonly message: string }
  | { readonly status: "cancelled" }
  | { readonly status: "waiting"; readonly waits: readonly string[] };

/** What came of a life. */
export interface Life {
  readonly outcome: Outcome;
  /** What was done to the outside world. */
  readonly effects: readonly Effect[];
  readonly events: readonly RecordedEvent[];
  readonly executions: readonly Execution[];
  readonly violations: readonly Violation[];
  /** What was logged as an error. */
  readonly complaints: readonly string[];
  readonly crashes: readonly Crash[];
  readonly commits: number;
}

/** Nothing is disturbed. */
export const CALM: Disturbance = { crashes: [], twice: "never", lateMs: 0 };

/** The id of every run that is lived. */
export const RUN_ID = "run";

/** Lives it. @throws Error when it comes to no end within its time; whatever the start is refused with */
export async function live(plan: LifePlan, disturbance: Disturbance): Promise<Life> {
  const { effects, patienceMs, seed, within } = plan;
  effects?.clear();
  let name = "";
  const sim = await testRuntime({
    workflows: (outside) => {
      const workflows = plan.workflows(outside);
      name = workflows[0].name;
      return workflows;
    },
    seed,
    ...plan.node,
    ...(effects === undefined ? {} : { effects }),
    ...(patienceMs === undefined ? {} : { patienceMs }),
  });
  sim.crashAt(...disturbance.crashes);
  const run = await sim.start(name, plan.input, { id: RUN_ID });
  await sendSignals(sim, run, plan.signals, disturbance);
  await sim.idle(within);
  if (disturbance.twice !== "never") {
    for (const [nth, signal] of plan.signals.entries()) await send(run, signal, nth);
    await sim.idle(within);
  }
  const events = await sim.events();
  await sim.abandon();
  return {
    outcome: await outcomeOf(run),
    effects: [...sim.outside.effects.applied],
    events,
    executions: [...sim.executions],
    violations: checkLog(events, { started: [RUN_ID] }),
    complaints: [...sim.complaints],
    crashes: [...sim.crashes],
    commits: sim.commits,
  };
}

/** In the order of their times; of those at the same time, in the order of the list. */
async function sendSignals(
  sim: TestRuntime,
  run: TestRun,
  signals: readonly TestSignal[],
  { twice, lateMs }: Disturbance,
): Promise<void> {
  const begin = sim.now();
  const due = signals.map((signal, nth) => ({
    signal,
    nth,
    at: begin + lateMs + millis("after", signal.after ?? 0),
  }));
  for (const { signal, nth, at } of due.sort((a, b) => a.at - b.at)) {
    await sim.advanceTo(at);
    await send(run, signal, nth);
    const again = twice === "always" || (twice === "after a crash" && sim.crashes.length > 0);
    if (again) await send(run, signal, nth);
  }
}

/** Its id is the same each time. A run that has ended without it refuses it. */
async function send(run: TestRun, signal: TestSignal, nth: number): Promise<void> {
  const { name, payload, decision } = signal;
  const id = `signal-${nth}`;
  try {
    if (decision === undefined) await run.signal(name, payload, { id });
    else {
      const { approved, ...said } = decision;
      await run[approved ? "approve" : "reject"](name, { ...said, id });
    }
  } catch (error) {
    if (!isMillraceError(error, "E_COMMAND_REFUSED")) throw error;
  }
}

async function outcomeOf(run: TestRun): Promise<Outcome> {
  const { status, error, parkedReason } = await run.state();
  switch (status) {
    case "completed":
      return { status, output: await run.result() };
    case "failed":
      return { status, code: error?.code ?? "Error", message: error?.message ?? "" };
    case "cancelled":
      return { status };
    default: {
      const { waits } = await run.explain();
      const reasons = waits.map(({ what }) => what);
      return { status: "waiting", waits: reasons.length > 0 ? reasons : [parkedReason ?? status] };
    }
  }
}
