/**
 * One hosted run: a mailbox, a working state, and the attempts that run in this process. Everything
 * that happens to the run goes through here one turn at a time: take what came in, decide, append,
 * and only then act on it.
 */

import { nextWake } from "../domain/outstanding.ts";
import { itemOf } from "../domain/plan.ts";
import { isTerminal, planStep, type RunState } from "../domain/state.ts";
import type { CancelTimer } from "../kernel/clock.ts";
import { isMillraceError, MillraceError } from "../kernel/errors.ts";
import { limits } from "../kernel/limits.ts";
import type { Claim } from "../ports/work-queue.ts";
import type { StepBody, Workflow } from "../workflow/definition.ts";
import type { RunningAttempt } from "./attempt.ts";
import { CodeDriver } from "./code-driver.ts";
import { commit } from "./commit.ts";
import { Draft } from "./draft.ts";
import type { Engine } from "./engine.ts";
import { loadRun } from "./history.ts";
import { launch } from "./launch.ts";
import type { Mail } from "./mail.ts";
import type { Slots } from "./slots.ts";
import { Results } from "./step-input.ts";
import { decideTurn, loseRunning, policyOf, type TurnContext, type TurnOutcome } from "./turn.ts";

export interface RunActorOptions {
  readonly engine: Engine;
  readonly workflow: Workflow;
  readonly slots: Slots;
  readonly claim: Claim;
  readonly state: RunState;
  /** Waits longer than this park the run (ms). */
  readonly parkAfterMs: number;
  /** Called once, when the actor holds nothing any more. */
  onOver(): void;
}

/** At most so many mails go into one commit. */
const MAILS_PER_COMMIT = 256;

export class RunActor {
  readonly #options: RunActorOptions;
  readonly #results: Results;
  readonly #life = new AbortController();
  readonly #attempts = new Map<string, RunningAttempt>();
  readonly #mail: Mail[] = [];
  #state: RunState;
  #driver: CodeDriver | undefined;
  #epoch = 0;
  #mailsPerCommit = MAILS_PER_COMMIT;
  #working = false;
  #draining = false;
  #listening = false;
  #unwatch: () => void = () => undefined;
  #cancelWake: CancelTimer = () => undefined;

  constructor(options: RunActorOptions) {
    this.#options = options;
    this.#state = options.state;
    this.#results = new Results(options.engine.store.blobs);
  }

  get run(): string {
    return this.#state.id;
  }

  get claim(): Claim {
    return this.#options.claim;
  }

  get over(): boolean {
    return this.#life.signal.aborted;
  }

  /** Attempts that run here now. */
  get busy(): boolean {
    return this.#attempts.size > 0;
  }

  /** Claims the run in the log and goes to work. */
  begin(): void {
    this.#nudge();
    this.#listen().catch((error: unknown) => this.#crash(error));
  }

  deliver(mail: Mail): void {
    if (this.over) {
      if (mail.kind === "note") mail.done.reject(this.#life.signal.reason);
      return;
    }
    this.#mail.push(mail);
    if (!this.#working) this.#work().catch((error: unknown) => this.#crash(error));
  }

  /** Begins no further attempt; what runs may end. */
  drain(): void {
    this.#draining = true;
  }

  /** Stops at once: aborts what runs and lets go without another commit. */
  letGo(reason: MillraceError): void {
    if (this.over) return;
    this.#cancelWake();
    this.#unwatch();
    this.#options.slots.forget(this.#nudge);
    this.#driver?.stop();
    this.#life.abort(reason);
    for (const attempt of this.#attempts.values()) attempt.abort(reason);
    for (const mail of this.#mail.splice(0)) if (mail.kind === "note") mail.done.reject(reason);
    this.#options.onOver();
  }

  readonly #nudge = (): void => this.deliver({ kind: "nudge" });

  async #listen(): Promise<void> {
    const { inbox } = this.#options.engine.store;
    const read = async (): Promise<void> => {
      for (const input of await inbox.read(this.run, this.#state.cursor.inbox)) {
        this.deliver({ kind: "arrival", input });
      }
    };
    const unwatch = await inbox.watch(
      this.run,
      (input) => this.deliver({ kind: "arrival", input }),
      () => void read().catch((error: unknown) => this.#crash(error)),
    );
    if (this.over) return unwatch();
    this.#unwatch = unwatch;
    await read();
    this.#listening = true;
    this.#nudge();
  }

  async #work(): Promise<void> {
    this.#working = true;
    try {
      while (!this.over && this.#mail.length > 0) {
        await this.#turn(this.#mail.splice(0, this.#mailsPerCommit));
        if (this.#mail.length === 0 && !this.over) await this.#rest();
      }
    } finally {
      this.#working = false;
    }
  }

  async #turn(mails: Mail[]): Promise<void> {
    for (let conflicts = 0; !this.over; conflicts++) {
      const draft = new Draft(this.#state, this.#options.engine.world.clock.now());
      const context = this.#context();
      if (this.#epoch === 0) await this.#claimRun(context, draft);
      const outcome = await decideTurn(context, draft, mails);
      if (draft.events.length === 0) {
        this.#options.slots.nudge();
        return;
      }
      if (await this.#commit(draft, outcome, mails)) return this.#act(context, outcome);
      for (const _ of outcome.started) this.#options.slots.release();
      if (conflicts >= limits.commitConflictsMax) {
        throw new MillraceError(
          "E_STORE_UNAVAILABLE",
          `run ${this.run} is written to from elsewhere without end`,
        );
      }
      await this.#reload();
    }
  }

  async #claimRun(context: TurnContext, draft: Draft): Promise<void> {
    const { engine, claim } = this.#options;
    const { now } = draft;
    draft.run({ type: "cmd.claim", now, node: engine.node, lease: claim.token });
    // A function that is run again must first come to where its lost steps are.
    await context.driver?.advance(draft);
    loseRunning(context, draft);
  }

  #context(): TurnContext {
    const { engine, workflow, slots } = this.#options;
    if (workflow.kind === "code") this.#driver ??= new CodeDriver(engine, workflow, this.#results);
    return {
      engine,
      workflow,
      results: this.#results,
      driver: this.#driver,
      takeSlot: () => !this.#draining && slots.take(this.#nudge),
    };
  }

  /** False: the log has moved on, or the frame was too large and fewer mails must do. */
  async #commit(draft: Draft, outcome: TurnOutcome, mails: Mail[]): Promise<boolean> {
    try {
      return await commit(this.#options.engine, draft, outcome.inbox, this.#life.signal);
    } catch (error) {
      if (!isMillraceError(error, "E_TOO_LARGE") || mails.length < 2) throw error;
      this.#mail.unshift(...mails.splice(mails.length >> 1));
      this.#mailsPerCommit = Math.max(1, mails.length);
      return false;
    }
  }

  async #reload(): Promise<void> {
    this.#driver?.stop();
    this.#driver = undefined;
    const { engine } = this.#options;
    this.#state = await loadRun(engine, this.run);
    const { epoch, node } = this.#state.run.context;
    if (this.#epoch === 0 && !isTerminal(this.#state)) return;
    if (epoch === this.#epoch && node === engine.node && !isTerminal(this.#state)) return;
    this.letGo(
      new MillraceError(
        "E_FENCED",
        `run ${this.run} is hosted by ${node ?? "nobody"} in epoch ${epoch} now`,
      ),
    );
  }

  /** The commit stands: do what it says. */
  #act(context: TurnContext, outcome: TurnOutcome): void {
    this.#epoch = this.#state.run.context.epoch;
    for (const confirm of outcome.confirmed) confirm();
    for (const [step, attempt] of this.#attempts) {
      if (!this.#state.running.has(step)) this.#stopAttempt(step, attempt);
    }
    if (isTerminal(this.#state)) this.#finish();
    else for (const step of outcome.started) this.#launch(context, step);
  }

  #launch(context: TurnContext, step: string): void {
    const { engine, slots } = this.#options;
    const attempt = launch({
      engine,
      state: this.#state,
      results: this.#results,
      step,
      body: this.#bodyOf(step),
      policy: policyOf(context, { state: this.#state }, step),
      post: (note) => this.deliver(note),
    });
    this.#attempts.set(step, attempt);
    attempt.done
      .then((outcome) => {
        slots.release();
        if (this.#attempts.get(step) !== attempt) return;
        this.#attempts.delete(step);
        this.deliver({ kind: "report", step, attempt: attempt.attempt, outcome });
      })
      .catch((error: unknown) => this.#crash(error));
  }

  #bodyOf(step: string): StepBody {
    const { workflow } = this.#options;
    const body =
      workflow.kind === "graph"
        ? workflow.bodies.get(planStep(this.#state, step)?.name ?? step)
        : this.#driver?.body(itemOf(step)?.step ?? step)?.body;
    if (body !== undefined) return body;
    throw new MillraceError(
      "E_WORKFLOW_UNKNOWN",
      `this process has no code for step ${step} of ${workflow.name}`,
    );
  }

  #stopAttempt(step: string, attempt: RunningAttempt): void {
    this.#attempts.delete(step);
    attempt.abort(
      new MillraceError("E_RUN_CANCELLED", `step ${step} of run ${this.run} was stopped`),
    );
  }

  #finish(): void {
    const { claim, engine } = this.#options;
    const { inbox } = this.#state.cursor;
    this.letGo(new MillraceError("E_CTX_CLOSED", `run ${this.run} has ended`));
    this.#housekeeping(claim.ack());
    if (inbox > 0) this.#housekeeping(engine.store.inbox.discard(this.run, inbox));
  }

  /** Nothing waits in the mailbox: set the alarm, or park the run if nothing moves for long. */
  async #rest(): Promise<void> {
    this.#cancelWake();
    const { engine, parkAfterMs } = this.#options;
    const wake = nextWake(this.#state);
    const now = engine.world.clock.now();
    const idle = this.#attempts.size === 0 && this.#state.pending.size === 0 && this.#listening;
    if (this.#state.run.state === "parked") return this.#leaveParked(wake);
    if (
      idle &&
      this.#state.run.state === "running" &&
      (wake === undefined || wake - now > parkAfterMs)
    ) {
      return this.#park(wake);
    }
    if (wake !== undefined) this.#cancelWake = engine.world.clock.after(wake - now, this.#nudge);
  }

  async #park(until: number | undefined): Promise<void> {
    const { engine } = this.#options;
    const draft = new Draft(this.#state, engine.world.clock.now());
    const reason = until === undefined ? "waits for a signal" : "waits for a time";
    draft.run({ type: "cmd.park", now: draft.now, reason, until: until ?? null });
    if (!(await commit(engine, draft, this.#state.cursor.inbox, this.#life.signal))) {
      await this.#reload();
      if (!this.over) this.#nudge();
      return;
    }
    await this.#leaveParked(until);
  }

  async #leaveParked(wake: number | undefined): Promise<void> {
    const { claim, engine } = this.#options;
    const { id, cursor, run } = this.#state;
    const until = run.context.parkedUntil ?? wake;
    this.letGo(new MillraceError("E_CTX_CLOSED", `run ${id} is parked`));
    if (until === undefined) await claim.ack();
    else await claim.release(until);
    if (cursor.inbox > 0) await engine.store.inbox.discard(id, cursor.inbox);
    // What was posted while the ticket was still held got no ticket of its own.
    const late = await engine.store.inbox.read(id, cursor.inbox);
    if (late.length > 0)
      await engine.store.queue.offer({ workflow: run.context.workflow, run: id });
  }

  #housekeeping(work: Promise<void>): void {
    work.catch((error: unknown) => {
      if (isMillraceError(error, "E_STORE_CLOSED")) return;
      this.#options.engine.logger.warn("a hint could not be removed; the sweep will", {
        run: this.run,
        error: String(error),
      });
    });
  }

  #crash(error: unknown): void {
    if (this.over && isMillraceError(error, "E_STORE_CLOSED")) return;
    const { logger, world } = this.#options.engine;
    const damaged =
      isMillraceError(error, "E_LOG_CORRUPT") || isMillraceError(error, "E_FRAME_INVALID");
    logger.error(damaged ? "run set aside: its log is damaged" : "run given back", {
      run: this.run,
      error: String(error),
    });
    const wasOver = this.over;
    this.letGo(
      isMillraceError(error)
        ? error
        : new MillraceError("E_FENCED", String(error), { cause: error }),
    );
    if (wasOver) return;
    const { claim } = this.#options;
    this.#housekeeping(
      damaged ? claim.ack() : claim.release(world.clock.now() + limits.parkAfterMs),
    );
  }
}
