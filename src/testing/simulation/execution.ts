/**
 * Users' code under test, and what the kit knows about it while it runs: in which process, for which
 * attempt of which step. A fake of the outside world asks here who is calling it.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import type { Clock } from "../../kernel/clock.ts";
import type { Random } from "../../kernel/random.ts";
import {
  type AnyBody,
  type CodeWorkflow,
  type GraphWorkflow,
  isStepBody,
  type Workflow,
} from "../../workflow/definition.ts";
import type { StepContext, Undo } from "../../workflow/step-context.ts";
import type { CallOptions, WorkflowContext } from "../../workflow/workflow-context.ts";
import type { Process } from "./process.ts";
import type { VirtualTime } from "./virtual-time.ts";

/** One attempt of a step, or one execution of the function of a code workflow. */
export interface Execution {
  readonly process: Process;
  /** Id of that process. */
  readonly node: string;
  readonly run: string;
  /** Undefined: the workflow's function itself. */
  readonly step: string | undefined;
  /** 0 for the workflow's function. */
  readonly attempt: number;
  /** How many of its calls wait for virtual time. */
  sleeping: number;
}

/** Where users' code is run, and who is told. */
export interface Instruments {
  readonly process: Process;
  readonly node: string;
  readonly time: VirtualTime;
  /** The process's own clock. */
  readonly clock: Clock;
  /** Decides how long an attempt takes, in turns: so attempts beside each other end in any order. */
  readonly order: Random | undefined;
  /** An attempt begins. */
  began(execution: Execution): void;
}

const executing = new AsyncLocalStorage<Execution>();

/** Whose code this is; undefined for code that is not under test. */
export const currentExecution = (): Execution | undefined => executing.getStore();

/** What code waits for whose process is dead. */
export const never = (): Promise<never> => new Promise(() => undefined);

/** Most turns that an attempt takes before its code, and after it. */
const TURNS_MAX = 2;

/** The same workflow, whose code runs under these instruments. */
export function instrumented(workflow: Workflow, instruments: Instruments): Workflow {
  const attempts = new Attempts(instruments);
  return workflow.kind === "graph" ? graphOf(workflow, attempts) : codeOf(workflow, attempts);
}

function graphOf(workflow: GraphWorkflow, attempts: Attempts): GraphWorkflow {
  const bodies = new Map(
    [...workflow.bodies].map(([name, body]): [string, AnyBody] => {
      if (!isStepBody(body)) return [name, body];
      const { undo } = body;
      const run = attempts.around((ctx, input) => body.run(ctx, input));
      if (undo === undefined) return [name, { ...body, run }];
      return [name, { ...body, run, undo: attempts.around((ctx, result) => undo(ctx, result)) }];
    }),
  );
  return { ...workflow, bodies };
}

function codeOf(workflow: CodeWorkflow, attempts: Attempts): CodeWorkflow {
  const run: CodeWorkflow["run"] = (ctx, input) =>
    attempts.within({ run: ctx.runId, step: undefined, attempt: 0 }, () =>
      workflow.run(contextOf(ctx, attempts), input),
    );
  return { ...workflow, run };
}

function contextOf(ctx: WorkflowContext, attempts: Attempts): WorkflowContext {
  type Fn = (ctx: StepContext) => unknown;
  const run = (name: string, fn: Fn, options?: CallOptions): Promise<unknown> => {
    const undo: Undo | undefined = options?.undo;
    const attempt = attempts.around((context) => fn(context));
    // What is no function is refused where it always is.
    const step: Fn = typeof fn === "function" ? (context) => attempt(context, undefined) : fn;
    if (typeof undo !== "function") return ctx.run(name, step, options);
    return ctx.run(name, step, { ...options, undo: attempts.around(undo) });
  };
  return Object.freeze({ ...ctx, run }) as WorkflowContext;
}

type StepFunction<In> = (ctx: StepContext, input: In) => unknown;

/** The attempts of one process. */
class Attempts {
  readonly #instruments: Instruments;

  constructor(instruments: Instruments) {
    this.#instruments = instruments;
  }

  /** `fn`, known to be an attempt while it runs. */
  around<In>(fn: StepFunction<In>): StepFunction<In> {
    return async (ctx, input) => {
      const { time, process, began } = this.#instruments;
      await this.#turns();
      const place = { run: ctx.run.id, step: ctx.step, attempt: ctx.attempt };
      return this.within(place, async (execution) => {
        began(execution);
        const work = Promise.resolve(fn(ctx, input));
        time.real(work, () => execution.sleeping > 0 || process.dead);
        try {
          return await work;
        } finally {
          await this.#turns();
        }
      });
    };
  }

  within<T>(
    place: Pick<Execution, "run" | "step" | "attempt">,
    work: (execution: Execution) => T,
  ): T {
    const { process, node } = this.#instruments;
    const execution: Execution = { ...place, process, node, sleeping: 0 };
    return executing.run(execution, () => work(execution));
  }

  async #turns(): Promise<void> {
    const { order, clock, process } = this.#instruments;
    const turns = order === undefined ? 0 : Math.floor(order.next() * (TURNS_MAX + 1));
    for (let turn = 0; turn < turns; turn++) await clock.turn();
    if (process.dead) await never();
  }
}
