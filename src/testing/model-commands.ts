/**
 * What can happen to a run from outside, as fast-check's model commands: signals, time, crashes, pauses.
 * Combine them with commands of your own, and let `fc.asyncModelRun` find the sequence that breaks a
 * workflow. After each of them everything is checked that must hold of any run.
 *
 *   await fc.assert(fc.asyncProperty(fc.commands(runModelCommands({ signals })), async (commands) => {
 *     await using runtime = await testRuntime({ workflows: [order] });
 *     const run = await runtime.start(order, input);
 *     await fc.asyncModelRun(() => ({ model: runModel(), real: { runtime, run } }), commands);
 *   }));
 */
import { AssertionError } from "node:assert";
import fc from "fast-check";
import { type Duration, millis } from "../kernel/duration.ts";
import { isMillraceError } from "../kernel/errors.ts";
import type { TestRuntime } from "./simulation/runtime.ts";
import type { TestRun } from "./simulation/test-run.ts";

/** What is known of the run. Extend it with what your own commands need. */
export interface RunModel {
  /** Nothing more happens to it. */
  ended: boolean;
  paused: boolean;
  /** It is being stopped, or what it did is being undone: from here on nobody asks it for anything. */
  stopping: boolean;
  /** Signals that it was sent, each once. */
  readonly signals: { readonly name: string; readonly payload: unknown }[];
}

/** The run, and where it runs. */
export interface RealRun {
  readonly runtime: TestRuntime;
  readonly run: TestRun;
}

/** A command for `fc.asyncModelRun`. */
export type RunModelCommand = fc.AsyncCommand<RunModel, RealRun>;

/** What `runModelCommands` may be told. */
export interface RunModelOptions {
  /** By name: what the payloads of signals look like. @default none is sent */
  readonly signals?: Readonly<Record<string, fc.Arbitrary<unknown>>>;
  /** By name: who tries to decide approvals. @default nobody */
  readonly approvals?: Readonly<Record<string, readonly string[]>>;
  /** Most time that goes by at once. @default "1w" */
  readonly longest?: Duration;
}

/** A run to which nothing has happened yet. */
export const runModel = (): RunModel => ({
  ended: false,
  paused: false,
  stopping: false,
  signals: [],
});

/** All of the commands below. */
export function runModelCommands(options: RunModelOptions = {}): fc.Arbitrary<RunModelCommand>[] {
  const signals = Object.entries(options.signals ?? {});
  return [
    ...signals.map(([name, payload]) => signalCommand(name, payload)),
    ...(signals.length === 0 ? [] : [repeatedSignalCommand()]),
    ...Object.entries(options.approvals ?? {}).map(([name, people]) =>
      decisionCommand(name, people),
    ),
    timeCommand(options.longest),
    crashCommand(),
    restartCommand(),
    pauseCommand(),
    resumeCommand(),
    cancelCommand(),
  ];
}

interface Step {
  readonly name: string;
  /** When it makes sense; always, if absent. A run that has ended is told nothing. */
  readonly possible?: (model: Readonly<RunModel>) => boolean;
  readonly act: (model: RunModel, real: RealRun) => Promise<void>;
}

/** A signal of this name. */
export const signalCommand = (
  name: string,
  payloads: fc.Arbitrary<unknown>,
): fc.Arbitrary<RunModelCommand> =>
  payloads.map((payload) =>
    command({
      name: `signal ${name} ${JSON.stringify(payload)}`,
      act: async (model, { run }) => {
        await run.signal(name, payload, { id: signalId(model.signals.length) });
        model.signals.push({ name, payload });
      },
    }),
  );

/** A signal that was sent before, with its id: it is taken once. */
export const repeatedSignalCommand = (): fc.Arbitrary<RunModelCommand> =>
  fc.nat(20).map((pick) =>
    command({
      name: "the same signal again",
      possible: ({ signals }) => signals.length > 0,
      act: async ({ signals }, { run }) => {
        const nth = pick % signals.length;
        const { name, payload } = signals[nth] ?? { name: "", payload: null };
        await run.signal(name, payload, { id: signalId(nth) });
      },
    }),
  );

/** Somebody approves or rejects, whether or not they are asked, or may. */
export const decisionCommand = (
  name: string,
  people: readonly string[],
): fc.Arbitrary<RunModelCommand> =>
  fc
    .tuple(fc.constantFrom("approve" as const, "reject" as const), fc.constantFrom(...people))
    .map(([verb, by]) =>
      command({
        name: `${verb} ${name} by ${by}`,
        act: async (_, { run }) => {
          try {
            await run[verb](name, { by });
          } catch (error) {
            if (!isMillraceError(error, "E_COMMAND_REFUSED")) throw error;
          }
        },
      }),
    );

const signalId = (nth: number): string => `signal-${nth}`;

/** Time goes by. @param longest most of it at once */
export const timeCommand = (longest: Duration = "1w"): fc.Arbitrary<RunModelCommand> =>
  fc
    .integer({ min: 1, max: Math.max(1, millis("longest", longest)) })
    .map((ms) => command({ name: `${ms} ms`, act: (_, { runtime }) => runtime.advance(ms) }));

/** The process crashes, and another goes on. */
export const crashCommand = (): fc.Arbitrary<RunModelCommand> =>
  fc.constant(command({ name: "crash", act: (_, { runtime }) => runtime.crash() }));

/** The process is stopped gracefully, and another goes on. */
export const restartCommand = (): fc.Arbitrary<RunModelCommand> =>
  fc.constant(command({ name: "restart", act: (_, { runtime }) => runtime.restart() }));

/** Somebody pauses the run. */
export const pauseCommand = (): fc.Arbitrary<RunModelCommand> =>
  fc.constant(
    command({
      name: "pause",
      possible: ({ paused, stopping }) => !paused && !stopping,
      act: (_, { run }) => run.pause(),
    }),
  );

/** Somebody lets it go on. */
export const resumeCommand = (): fc.Arbitrary<RunModelCommand> =>
  fc.constant(
    command({
      name: "resume",
      possible: ({ paused }) => paused,
      act: (_, { run }) => run.resume(),
    }),
  );

/** Somebody cancels it. */
export const cancelCommand = (): fc.Arbitrary<RunModelCommand> =>
  fc.constant(
    command({
      name: "cancel",
      possible: ({ stopping }) => !stopping,
      act: (_, { run }) => run.cancel(),
    }),
  );

function command({ name, possible = () => true, act }: Step): RunModelCommand {
  return {
    check: (model) => !model.ended && possible(model),
    async run(model, real) {
      await act(model, real);
      await real.runtime.still();
      await look(model, real);
    },
    toString: () => name,
  };
}

/** Sees how the run is now, and checks what must hold of it whatever has happened. */
async function look(model: RunModel, { runtime, run }: RealRun): Promise<void> {
  const [violations, { status }, { waits }] = await Promise.all([
    runtime.violations(),
    run.state(),
    run.explain(),
  ]);
  model.ended = ["completed", "failed", "cancelled"].includes(status);
  model.stopping = status === "cancelling" || status === "compensating";
  model.paused = status === "paused";
  const problems = [
    ...violations.map(({ invariant, seq, what }) => `${invariant}, event ${seq}: ${what}`),
    ...runtime.complaints,
    ...(waits.length === 0 && !model.ended ? [`it is ${status}, and cannot say why`] : []),
  ];
  if (problems.length === 0) return;
  throw new AssertionError({ message: problems.join("\n"), operator: "run model" });
}
