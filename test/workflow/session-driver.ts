/**
 * Plays the engine for sessions: keeps what was asked and answered, and lets tests choose the
 * order.
 */
import { microtasksDrained } from "../../src/kernel/async.ts";
import { workflow } from "../../src/workflow/code.ts";
import {
  type Answer,
  type Call,
  CodeSession,
  type Progress,
  type SessionEnd,
} from "../../src/workflow/session.ts";
import type { StepContext } from "../../src/workflow/step-context.ts";
import type { WorkflowContext } from "../../src/workflow/workflow-context.ts";

export type Fn = (ctx: WorkflowContext, input: number) => unknown;

/** When the runs of these tests were created; their k-th answer comes k ms later. */
export const CREATED = 1_000;

export const ok = (id: string, value: unknown = `result of ${id}`): Answer => ({
  kind: "step",
  id,
  outcome: { ok: true, value },
});

export const failed = (id: string, message = "it broke", cancelled = false): Answer => ({
  kind: "step",
  id,
  outcome: {
    ok: false,
    failure: { code: "E_TERMINAL", message },
    ...(cancelled ? { cancelled } : {}),
  },
});

export const fired = (id: string): Answer => ({ kind: "timer", id });
/** The wait of this id has got a signal. */
export const matched = (id: string, payload: unknown): Answer => ({
  kind: "wait",
  id,
  payload,
  expired: false,
});

export const keyOf = (call: Call): string => `${call.kind}:${call.id}`;

export class Driver {
  readonly session: CodeSession;
  readonly answers: Answer[] = [];
  /** Everything that was asked for, in order, as the log would hold it. */
  readonly calls: string[];
  /** What the last advance brought. */
  fresh: readonly Call[] = [];
  end: SessionEnd | undefined;

  constructor(fn: Fn, recorded: readonly string[] = []) {
    this.calls = [...recorded];
    this.session = new CodeSession({
      workflow: workflow("w", fn),
      input: 7,
      runId: "run-1",
      recorded: this.calls,
      turn: microtasksDrained,
      now: CREATED,
    });
  }

  /** Delivers the answers one by one; without any, begins. Returns the keys of new calls. */
  async give(...answers: readonly Answer[]): Promise<string[]> {
    const before = this.calls.length;
    if (answers.length === 0) this.#keep(await this.session.advance());
    for (const answer of answers) {
      this.answers.push(answer);
      this.#keep(await this.session.advance(answer, CREATED + this.answers.length));
    }
    return this.calls.slice(before);
  }

  /** The error that the function ended with. */
  get error(): unknown {
    return this.end?.ok === false ? this.end.error : undefined;
  }

  #keep(progress: Progress): void {
    this.fresh = progress.calls;
    this.calls.push(...progress.calls.map(keyOf));
    this.end = progress.end;
  }
}

/** A driver whose function has begun. */
export async function begin(fn: Fn, recorded: readonly string[] = []): Promise<Driver> {
  const driver = new Driver(fn, recorded);
  await driver.give();
  return driver;
}

/** A step function that nobody runs in these tests. */
export const noop = (_: StepContext): string => "";
