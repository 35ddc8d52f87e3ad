/**
 * One execution of a code workflow's function: what it asks for comes out, what is known goes in,
 * one answer at a time. The same answers in the same order lead to the same path, so a run is taken
 * up again by a new session that gets the recorded answers.
 */
import type { Tick } from "../../machines/run-data.ts";
import { MillraceError } from "../kernel/errors.ts";
import { limits } from "../kernel/limits.ts";
import type {
  Answer,
  Call,
  Progress,
  RequestedChildren,
  RequestedStep,
  RequestedWait,
  SessionEnd,
} from "./calls.ts";
import { contained } from "./contain.ts";
import type { CodeWorkflow } from "./definition.ts";
import { Mailboxes } from "./mailboxes.ts";
import { sessionContext } from "./session-context.ts";

export type {
  Answer,
  Call,
  Progress,
  RequestedChildren,
  RequestedStep,
  RequestedWait,
  SessionEnd,
  StepOutcome,
} from "./calls.ts";

/** What a session is made from. */
export interface SessionOptions {
  readonly workflow: CodeWorkflow;
  readonly input: unknown;
  readonly runId: string;
  /** What a schedule started the run for. */
  readonly tick?: Tick | undefined;
  /** What earlier executions asked for, in order: "step:a", "timer:t" (`RunState.calls`). */
  readonly recorded: readonly string[];
  /** Resolves after all pending microtasks and what follows from them (`microtasksDrained`). */
  readonly turn: () => Promise<void>;
  /** Called when the function, outside of a turn, does what it may not: `advance()` then tells its end. */
  readonly onStray?: () => void;
  /** Events from which on `ctx.continueIfLong` goes on as another run. @default `limits.continueAtEvents` */
  readonly continueAt?: number | undefined;
  /** When the run was created (ms since the epoch): `ctx.now()` until the first answer. */
  readonly now: number;
}

const never = (): Promise<never> => new Promise(() => undefined);

/**
 * Drives the function. One session per time that a run is held; thrown away, never reused, when the
 * run is let go.
 */
export class CodeSession {
  readonly #options: SessionOptions;
  readonly #recorded: readonly string[];
  readonly #answers = new Mailboxes<Answer>();
  readonly #steps = new Map<string, RequestedStep>();
  readonly #waits = new Map<string, RequestedWait>();
  readonly #children = new Map<string, RequestedChildren>();
  #fresh: Call[] = [];
  /** How many calls the function has made, and the last of them. */
  #asked = 0;
  #last: string | undefined;
  #now: number;
  #length = 1;
  #begun = false;
  /** The function may act now; outside of a turn it can only be woken by something unrecorded. */
  #turning = false;
  #stopped = false;
  #end: SessionEnd | undefined;

  constructor(options: SessionOptions) {
    this.#options = options;
    // The caller's list goes on growing.
    this.#recorded = [...options.recorded];
    this.#now = options.now;
  }

  /**
   * Begins the function if it has not begun, delivers `answer` if there is one, and lets the
   * function go as far as it gets. Answers go in in log order, each in a call of its own; wait for
   * one call to resolve before the next. Never rejects: what goes wrong is the `end`.
   * @param now when the answer was recorded (ms since the epoch)
   * @param length how many events the run had then
   */
  async advance(
    answer?: Answer,
    now: number = this.#now,
    length: number = this.#length,
  ): Promise<Progress> {
    if (!this.#begun) {
      this.#begun = true;
      await this.#turn(() => contained(() => this.#begin()));
    }
    if (answer !== undefined) {
      this.#now = now;
      this.#length = length;
      await this.#turn(() => this.#answers.put(keyOf(answer), answer));
    }
    const calls = this.#fresh;
    this.#fresh = [];
    return this.#end === undefined ? { calls } : { calls, end: this.#end };
  }

  /** The code and policy of a step that this session has asked for, recorded ones included. */
  body(id: string): RequestedStep | undefined {
    return this.#steps.get(id);
  }

  /** The child, or the children, that this session has asked for under this id, recorded ones included. */
  children(id: string): RequestedChildren | undefined {
    return this.#children.get(id);
  }

  /** A wait that this session has asked for, recorded ones included. */
  wait(id: string): RequestedWait | undefined {
    return this.#waits.get(id);
  }

  /** Ends the session from outside: nothing that the function waits for will ever settle. */
  stop(): void {
    this.#stopped = true;
  }

  get #closed(): boolean {
    return this.#stopped || this.#end !== undefined;
  }

  async #turn(act: () => void): Promise<void> {
    if (this.#closed) return;
    this.#turning = true;
    act();
    await this.#options.turn();
    this.#turning = false;
    if (!this.#closed && this.#answers.waiting === 0) {
      this.#mismatch(
        "waits for something that ctx did not give it; put what takes time (I/O, timers of its own) into ctx.run",
      );
    }
  }

  #begin(): void {
    const { workflow, input, runId, tick } = this.#options;
    const ctx = sessionContext(
      { input, runId, tick },
      {
        assertOpen: () => this.#assertOpen(),
        now: () => this.#now,
        historyLength: () => this.#length,
        isLong: () => this.#length >= (this.#options.continueAt ?? limits.continueAtEvents),
        request: (call) => this.#request(call),
        continueAsNew: (input) => this.#finish({ ok: true, value: null, next: { input } }),
      },
    );
    workflow.run(ctx, input).then(
      (value) => this.#finish({ ok: true, value }),
      (error: unknown) => this.#finish({ ok: false, error }),
    );
  }

  #request(call: Call): Promise<Answer> {
    const key = `${call.kind}:${call.id}`;
    if (!this.#turning) return this.#take(key);
    const expected = this.#recorded[this.#asked];
    if (expected !== undefined && expected !== key) {
      this.#mismatch(`asked for ${key} where earlier it asked for ${expected}`, {
        expected,
        found: key,
      });
      return never();
    }
    this.#asked++;
    this.#last = key;
    if (expected === undefined) this.#fresh.push(call);
    if (call.kind === "child" || call.kind === "children") this.#children.set(call.id, call);
    if (call.kind === "wait") this.#waits.set(call.id, call);
    if (call.kind === "step") this.#steps.set(call.id, { policy: call.policy, body: call.body });
    return this.#take(key);
  }

  #take(key: string): Promise<Answer> {
    if (this.#turning) return this.#answers.take(key);
    this.#mismatch(`asked for ${key} after it had waited for something that ctx did not give it`);
    return never();
  }

  #finish(end: SessionEnd): void {
    if (this.#closed) return;
    const expected = this.#recorded[this.#asked];
    if (!this.#turning) {
      this.#mismatch("ended after it had waited for something that ctx did not give it");
    } else if (expected === undefined) this.#end = end;
    else {
      const cause = end.ok ? undefined : end.error;
      this.#mismatch(`ended where earlier it asked for ${expected}`, {
        expected,
        found: "end",
        cause,
      });
    }
  }

  #mismatch(how: string, facts: { expected?: string; found?: string; cause?: unknown } = {}): void {
    const { workflow, runId } = this.#options;
    const { cause, ...differing } = facts;
    const place = this.#last === undefined ? "" : `, after ${this.#last}`;
    this.#end = {
      ok: false,
      error: new MillraceError(
        "E_CODE_MISMATCH",
        `workflow ${workflow.name}, run ${runId}${place}: the function ${how}. Runs that have begun need the code they began with, and between calls of ctx it must be deterministic`,
        { cause, details: { run: runId, ...differing } },
      ),
    };
    this.#fresh = [];
    if (!this.#turning) this.#options.onStray?.();
  }

  #assertOpen(): void {
    if (!this.#closed) return;
    const { workflow, runId } = this.#options;
    throw new MillraceError(
      "E_CTX_CLOSED",
      `workflow ${workflow.name}, run ${runId}: ctx was used after the function had ended or was stopped; await everything before returning`,
      { details: { run: runId } },
    );
  }
}

const keyOf = (answer: Answer): string => `${answer.kind}:${answer.id}`;
