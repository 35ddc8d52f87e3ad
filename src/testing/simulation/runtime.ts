/**
 * A millrace for tests: in memory, in simulated time that skips waits, and from one seed, so that a test
 * which failed fails again. Its process can be crashed at any moment; another takes over at once.
 */
/// <reference lib="esnext.disposable" />
import { invalidOption, wholeOption } from "../../client/options.ts";
import type { StartOptions } from "../../client/starting/start-run.ts";
import type { RecordedEvent } from "../../events/vocabulary.ts";
import { type Duration, millis } from "../../kernel/duration.ts";
import { seededRandom } from "../../kernel/random.ts";
import type { Millrace } from "../../runtime/open.ts";
import type { OpenOptions } from "../../runtime/options.ts";
import type { Workflow } from "../../workflow/definition.ts";
import { checkLog } from "../checks/check-log.ts";
import type { Violation } from "../checks/violation.ts";
import type { EffectLedger } from "./effects.ts";
import type { Execution } from "./execution.ts";
import { Idleness } from "./idleness.ts";
import { type Outside, outsideOf } from "./outside.ts";
import { type Crash, type CrashPoint, Simulation } from "./simulation.ts";
import { PATIENCE, TestRun } from "./test-run.ts";
import { VirtualTime } from "./virtual-time.ts";

/** Workflows, or what makes them for a process. */
export type Code = readonly Workflow[] | ((outside: Outside) => readonly Workflow[]);

/** What `testRuntime` may be told; options of `open()` go there, those about the store are the kit's own. */
export interface TestRuntimeOptions
  extends Omit<OpenOptions, "store" | "world" | "workflows" | "lease" | "node" | "namespace"> {
  /** What runs; or a function that makes it for each process, of the world that its steps are to use. */
  readonly workflows: Code;
  /** Of ids and jitter, and of what goes first where anything could. 0: what asked first does. @default 0 */
  readonly seed?: number;
  /** When simulated time begins (ms since the epoch). @default 2030-01-01, 0:00 UTC */
  readonly start?: number;
  /** Remembers what is done to the outside world. @default a new one */
  readonly effects?: EffectLedger;
  /** How long a step may take in real time before simulated time goes on without it (ms). @default 100 */
  readonly patienceMs?: number;
}

const NEW_YEAR_2030 = 1_893_456_000_000;

/**
 * A millrace in simulated time.
 * @throws MillraceError `E_OPTION_INVALID`, and what `open()` refuses
 */
export async function testRuntime(options: TestRuntimeOptions): Promise<TestRuntime> {
  const {
    workflows,
    seed = 0,
    start = NEW_YEAR_2030,
    patienceMs = 100,
    effects,
    ...open
  } = options;
  wholeOption("seed", seed, 0);
  wholeOption("start", start, 0);
  wholeOption("patienceMs", patienceMs, 0);
  const order = seed === 0 ? undefined : seededRandom(seed);
  const time = new VirtualTime({ start, patienceMs, ...(order === undefined ? {} : { order }) });
  const outside = outsideOf(time, effects);
  const made = madeOf(workflows, outside);
  const simulation = await Simulation.begin({ time, seed, order, workflows: made, open });
  return new TestRuntime(time, outside, simulation);
}

const madeOf = (code: Code, outside: Outside) => (): readonly Workflow[] =>
  typeof code === "function" ? code(outside) : code;

/** Made by `testRuntime`. Nothing of it takes real time. */
export class TestRuntime implements AsyncDisposable {
  /** The world of its steps: effects, simulated time. */
  readonly outside: Outside;
  readonly #time: VirtualTime;
  readonly #simulation: Simulation;

  constructor(time: VirtualTime, outside: Outside, simulation: Simulation) {
    this.#time = time;
    this.outside = outside;
    this.#simulation = simulation;
  }

  /** A client on the same store, for all that is not here. It does not let time go by. */
  get client(): Millrace {
    return this.#simulation.client;
  }

  /** Simulated time, in ms since the epoch. */
  now(): number {
    return this.#time.now();
  }

  /**
   * Starts a run; it goes on as far as it gets without time going by. A name is that of a workflow of the
   * present process. Same as `Client.start` otherwise.
   */
  async start<I, O>(
    workflow: Workflow<I, O>,
    ...[input, options]: undefined extends I ? [I?, StartOptions?] : [I, StartOptions?]
  ): Promise<TestRun<O>>;
  async start(workflow: string, input?: unknown, options?: StartOptions): Promise<TestRun<unknown>>;
  async start(
    workflow: Workflow | string,
    input?: unknown,
    options?: StartOptions,
  ): Promise<TestRun<unknown>> {
    const known = typeof workflow === "string" ? this.#simulation.workflow(workflow) : workflow;
    const start = this.client.start.bind(this.client) as (
      workflow: Workflow | string,
      input: unknown,
      options: StartOptions | undefined,
    ) => Promise<{ readonly id: string }>;
    const { id } = await start(known ?? String(workflow), input, options);
    await this.still();
    return this.run(id);
  }

  /** A run that exists, or will. */
  run<O = unknown>(id: string): TestRun<O> {
    return new TestRun(this.client.handle<O>(id), this.#time, this.#simulation);
  }

  /** Lets everything happen that happens without time going by. */
  async still(): Promise<void> {
    await this.#time.still();
    await this.#simulation.ready();
  }

  /** Lets so much time go by, with all that happens meanwhile. */
  async advance(duration: Duration): Promise<void> {
    await this.#time.pass(millis("advance()", duration));
    await this.#simulation.ready();
  }

  /** Lets time go by until then (ms since the epoch); nothing if that is past. */
  async advanceTo(at: number): Promise<void> {
    await this.advance(Math.max(0, at - this.now()));
  }

  /**
   * Lets time go by until nothing more happens by itself: every run has ended, or waits for somebody.
   * @param within simulated time; the call fails with Error, which says what runs wait for, after that
   */
  async idle(within: Duration = PATIENCE): Promise<void> {
    const idleness = new Idleness(this.#simulation);
    if (await this.#time.when(() => idleness.holds(), millis("within", within))) return;
    throw new Error(
      `after ${within} there is still something going on: ${await idleness.reasons()}`,
    );
  }

  /** Crashes the process where it is, without another commit; another goes on with the same store. */
  async crash({ workflows }: { readonly workflows?: Code } = {}): Promise<void> {
    await this.#simulation.crash(workflows && madeOf(workflows, this.outside));
    await this.still();
  }

  /** Ends the process gracefully; another goes on, with other code if there is some: a deploy. */
  async restart({ workflows }: { readonly workflows?: Code } = {}): Promise<void> {
    await this.#simulation.restart(workflows && madeOf(workflows, this.outside));
    await this.still();
  }

  /** Crashes processes at these commits, counted over all of them, the first is 1. */
  crashAt(...points: readonly CrashPoint[]): void {
    for (const { commit, side } of points) {
      wholeOption("commit", commit, 1);
      if (side === "before" || side === "after") continue;
      throw invalidOption("side", 'must be "before" or "after"');
    }
    this.#simulation.crashAt(points);
  }

  /** How many commits processes have made so far. */
  get commits(): number {
    return this.#simulation.commits;
  }

  /** How many processes there were so far, the present one included. */
  get processes(): number {
    return this.#simulation.processes;
  }

  /** What was logged as an error so far: that code does not fit its run, that a log is damaged. */
  get complaints(): readonly string[] {
    return this.#simulation.complaints;
  }

  /** Attempts of steps that were begun so far, in order, in all processes. */
  get executions(): readonly Execution[] {
    return this.#simulation.executions;
  }

  /** Crashes at commits so far. */
  get crashes(): readonly Crash[] {
    return this.#simulation.crashes;
  }

  /** All events so far, of all runs. */
  events(): Promise<readonly RecordedEvent[]> {
    return this.#simulation.events();
  }

  /** What does not hold of the log, and must hold of every log: see `checkLog`. */
  async violations(): Promise<readonly Violation[]> {
    return checkLog(await this.events());
  }

  /** Drops everything without ending it: faster than `close`, and nothing is left but garbage. */
  abandon(): Promise<void> {
    return this.#simulation.abandon();
  }

  /** Ends everything. */
  close(): Promise<void> {
    return this.#simulation.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
