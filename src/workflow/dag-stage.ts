/**
 * A function that many items of a stream go through in one process: so many calls at once, several items in
 * one call, and for each worker a state that is made once. Of one execution it makes no difference.
 */
import { type Deferred, deferred } from "../kernel/async.ts";
import type { CancelTimer, Clock } from "../kernel/clock.ts";
import { MillraceError } from "../kernel/errors.ts";
import type { DagFunction, FunctionCode } from "./dag-function.ts";
import type { StepContext } from "./step-context.ts";

/** An incomplete batch goes on after so long (ms). */
const BATCH_TIMEOUT_MS = 100;

/** The function with its code behind a stage; the same one if it says nothing about items. */
export function staged(fn: DagFunction, clock: Clock): DagFunction {
  const { init, parallelism, batchSize } = fn.stage;
  if (init === undefined && parallelism === undefined && batchSize === undefined) return fn;
  const stage = new Stage(fn, clock);
  async function code(this: StepContext, taken: readonly unknown[]): Promise<unknown> {
    return stage.take(this, taken);
  }
  return { ...fn, asList: true, extraArgs: [], code };
}

/** One worker: what `init` made for it, once it was asked for. */
interface Worker {
  state?: Promise<unknown>;
}

/** An item that waits for its batch to be complete. */
interface Waiting {
  readonly ctx: StepContext;
  readonly taken: readonly unknown[];
  readonly done: Deferred<unknown>;
}

class Stage {
  readonly #fn: DagFunction;
  readonly #clock: Clock;
  readonly #idle: Worker[] = [];
  #workers = 0;
  /** Calls that wait for a worker, in their order. */
  readonly #line: Deferred<Worker>[] = [];
  #batch: Waiting[] = [];
  #cancelTimer: CancelTimer = () => undefined;

  constructor(fn: DagFunction, clock: Clock) {
    this.#fn = fn;
    this.#clock = clock;
  }

  /** What the function says of the item, alone or as one of a batch. */
  take(ctx: StepContext, taken: readonly unknown[]): Promise<unknown> {
    const { batchSize, batchTimeoutMs = BATCH_TIMEOUT_MS } = this.#fn.stage;
    if (batchSize === undefined) {
      const given = this.#fn.asList ? [taken] : taken;
      return this.#call(ctx, given);
    }
    const done = deferred<unknown>();
    this.#batch.push({ ctx, taken, done });
    if (this.#batch.length >= batchSize) this.#flush();
    else if (this.#batch.length === 1) {
      this.#cancelTimer = this.#clock.after(batchTimeoutMs, () => this.#flush());
    }
    return done.promise;
  }

  #flush(): void {
    this.#cancelTimer();
    const waiting = this.#batch;
    this.#batch = [];
    // Whoever gave up meanwhile is not waited for any more.
    const batch = waiting.filter(({ ctx }) => !ctx.signal.aborted);
    for (const { ctx, done } of waiting) if (ctx.signal.aborted) done.reject(ctx.signal.reason);
    const [first] = batch;
    if (first === undefined) return;
    const single = !this.#fn.asList && this.#fn.args.length === 1;
    const items = batch.map(({ taken }) => (single ? taken[0] : taken));
    this.#call(first.ctx, [items]).then(
      (results) => settle(this.#fn.id, batch, results),
      (error: unknown) => {
        for (const { done } of batch) done.reject(error);
      },
    );
  }

  async #call(ctx: StepContext, given: readonly unknown[]): Promise<unknown> {
    const { code, extraArgs, stage } = this.#fn;
    const worker = await this.#worker();
    try {
      const state = stage.init === undefined ? [] : [await this.#stateOf(worker, stage.init)];
      return await Reflect.apply(code as FunctionCode, ctx, [...given, ...extraArgs, ...state]);
    } finally {
      const next = this.#line.shift();
      if (next === undefined) this.#idle.push(worker);
      else next.resolve(worker);
    }
  }

  async #worker(): Promise<Worker> {
    const idle = this.#idle.pop();
    if (idle !== undefined) return idle;
    if (this.#workers < (this.#fn.stage.parallelism ?? Number.POSITIVE_INFINITY)) {
      this.#workers++;
      return {};
    }
    const turn = deferred<Worker>();
    this.#line.push(turn);
    return turn.promise;
  }

  async #stateOf(worker: Worker, init: () => unknown): Promise<unknown> {
    worker.state ??= Promise.resolve().then(init);
    try {
      return await worker.state;
    } catch (error) {
      // The next call tries again.
      delete worker.state;
      throw error;
    }
  }
}

/** Each item gets its result; an Error among them is the failure of that item alone. */
function settle(id: string, batch: readonly Waiting[], results: unknown): void {
  const list = Array.isArray(results) ? (results as readonly unknown[]) : undefined;
  const got = list === undefined ? "no list" : `a list of ${list.length}`;
  for (const [nth, { done }] of batch.entries()) {
    if (list?.length !== batch.length) {
      const message = `function ${id} was called with a batch of ${batch.length} and returned ${got}; it must return a result for each item`;
      done.reject(new MillraceError("E_STEP_FAILED", message, { details: { function: id } }));
    } else if (list[nth] instanceof Error) done.reject(list[nth]);
    else done.resolve(list[nth]);
  }
}
