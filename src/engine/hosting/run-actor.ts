/**
 * One hosted run: a mailbox, a working state, and the attempts that run in this process. Everything
 * that happens to the run goes through here one turn at a time: take what came in, decide, append,
 * and only then act on it.
 */
import { nextAsk } from "../../domain/admission.ts";
import { isTerminal, type RunState } from "../../domain/state.ts";
import type { CancelTimer } from "../../kernel/clock.ts";
import { isMillraceError, type MillraceError } from "../../kernel/errors.ts";
import { limits } from "../../kernel/limits.ts";
import type { Claim } from "../../ports/work-queue.ts";
import { Attempts } from "../attempts/attempts.ts";
import { Placing } from "../nodes/placing.ts";
import { loadRun } from "../reading/history.ts";
import { parentFacts } from "../turn/begin-child.ts";
import { Children } from "../turn/children.ts";
import { CodeDriver } from "../turn/code-driver.ts";
import { commitTurn } from "../turn/commit-turn.ts";
import { Draft } from "../turn/draft.ts";
import { followInbox } from "../turn/follow-inbox.ts";
import { type Mail, refuse } from "../turn/mail.ts";
import { commitBehindNotes } from "../turn/rebase.ts";
import { childDefinition } from "../turn/step-body.ts";
import type { Results } from "../turn/step-input.ts";
import { decideTurn, type TurnOutcome } from "../turn/turn.ts";
import type { TurnContext } from "../turn/turn-context.ts";
import { resultsOf } from "../values/lineage.ts";
import { inboxOf } from "./chain.ts";
import { claimRun } from "./claim-run.ts";
import { leaveEnded, leaveParked, whyParked } from "./leave.ts";
import { contended, faultOf, outdated, over, overtaken } from "./let-go.ts";
import { restOf } from "./rest.ts";
import type { RunActorOptions } from "./run-actor-options.ts";

const MAILS_PER_COMMIT = 256;

export class RunActor {
  readonly #options: RunActorOptions;
  readonly #results: Results;
  readonly #attempts: Attempts;
  readonly #children: Children;
  readonly #placing: Placing;
  readonly #life = new AbortController();
  readonly #mail: Mail[] = [];
  #state: RunState;
  #driver: CodeDriver | undefined;
  /** The epoch of our claim; 0 until it is committed. */
  #epoch = 0;
  #mailsPerCommit = MAILS_PER_COMMIT;
  #working = false;
  #draining = false;
  #listening = false;
  /** The time by which the last turn was decided, and the last that led to something. */
  #decidedAt = Number.NEGATIVE_INFINITY;
  #movedAt = Number.NEGATIVE_INFINITY;
  #unwatch: () => void = () => undefined;
  #cancelWake: CancelTimer = () => undefined;

  constructor(options: RunActorOptions) {
    const { engine, cluster, state, surroundings } = options;
    this.#options = options;
    this.#state = options.state;
    this.#results = resultsOf(engine, () => this.#context());
    this.#attempts = new Attempts({ engine, cluster, deliver: (mail) => this.deliver(mail) });
    this.#placing = new Placing(engine, cluster, {
      look: this.#nudge,
      onLost: (node) => this.deliver({ kind: "node gone", node }),
    });
    this.#children = new Children({
      engine,
      parent: parentFacts(state),
      definition: (step, name) =>
        childDefinition(this.#context(), this.#state, step) ?? surroundings.definitions(name),
      deliver: (mail) => this.deliver(mail),
      fail: (error) => this.#crash(error),
    });
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

  /** Attempts of the run are running here, or what they led to is being recorded. */
  get busy(): boolean {
    return this.#attempts.size > 0 || this.#working;
  }

  /** Claims the run in the log and goes to work. */
  begin(): void {
    this.#nudge();
    this.#listen().catch((error: unknown) => this.#crash(error));
  }

  deliver(mail: Mail): void {
    if (this.over) refuse([mail], this.#life.signal.reason);
    else this.#mail.push(mail);
    if (!this.over && !this.#working) {
      this.#work().catch((error: unknown) => this.#crash(error));
    }
  }

  /** Begins no further attempt; what runs may end. */
  drain(): void {
    this.#draining = true;
  }

  /** Stops at once: aborts what runs and lets go without another commit. The ticket is the caller's. */
  letGo(reason: MillraceError): void {
    if (this.over) return;
    const { cluster, onOver } = this.#options;
    this.#cancelWake();
    this.#unwatch();
    this.#placing.close();
    this.#driver?.stop();
    this.#life.abort(reason);
    this.#attempts.abort(reason);
    this.#children.stop();
    refuse(this.#mail.splice(0), reason);
    onOver();
    // It may have been this run's turn to take a slot that is free.
    cluster.capacity.nudge();
  }

  readonly #nudge = (): void => this.deliver({ kind: "nudge" });

  async #listen(): Promise<void> {
    const { inbox } = this.#options.engine.store;
    await followInbox(inbox, inboxOf(this.run, this.#state.run.context), {
      taken: () => this.#state.cursor.inbox,
      take: (input) => this.deliver({ kind: "arrival", input }),
      fail: (error) => this.#crash(error),
      onWatch: (unwatch) => {
        if (this.over) unwatch();
        else this.#unwatch = unwatch;
      },
    });
    this.#listening = true;
    this.#nudge();
  }

  async #work(): Promise<void> {
    this.#working = true;
    try {
      while (!this.over && this.#mail.length > 0) {
        const mails = this.#mail.splice(0, this.#mailsPerCommit);
        try {
          await this.#turn(mails);
        } catch (error) {
          this.#mail.unshift(...mails);
          throw error;
        } finally {
          if (this.over) refuse(mails, this.#life.signal.reason);
        }
        if (this.#mail.length > 0) continue;
        // Whoever was called for something free and had no use for it passes it on.
        this.#options.cluster.capacity.pass(this.#nudge);
        if (!this.over) await this.#rest();
      }
    } finally {
      this.#working = false;
    }
  }

  async #turn(mails: Mail[]): Promise<void> {
    const { engine } = this.#options;
    for (let conflicts = 0; conflicts <= limits.commitConflictsMax; conflicts++) {
      const draft = new Draft(this.#state, engine.world.clock.now());
      this.#decidedAt = draft.now;
      const context = this.#context();
      if (this.#epoch === 0) await claimRun(context, draft, this.#options);
      const outcome = await decideTurn(context, draft, mails);
      if (draft.events.length === 0) return outcome.settle("stands", true);
      if (await this.#commit(draft, outcome, mails)) return this.#act(context, outcome);
      if (!this.over) await this.#reload();
      if (this.over) return;
    }
    throw contended(this.run);
  }

  #context(): TurnContext {
    const { engine, workflow, cluster, surroundings } = this.#options;
    const { definitions } = surroundings;
    if (workflow.kind === "code")
      this.#driver ??= new CodeDriver(engine, workflow, this.#results, definitions, this.#nudge);
    return {
      engine,
      workflow,
      results: this.#results,
      driver: this.#driver,
      definitions,
      placing: this.#draining ? undefined : this.#placing,
      remotes: this.#attempts.remotes,
      cluster,
    };
  }

  /** False: the log has moved on, the run was let go, or the frame was too large and fewer mails must do. */
  async #commit(draft: Draft, outcome: TurnOutcome, mails: Mail[]): Promise<boolean> {
    try {
      return await commitTurn(this.#options.engine, draft, outcome, this.#life.signal);
    } catch (error) {
      if (!isMillraceError(error, "E_TOO_LARGE") || mails.length < 2) throw error;
      this.#mail.unshift(...mails.splice(mails.length >> 1));
      this.#mailsPerCommit = mails.length;
      return false;
    }
  }

  /** Folds the log again; lets go when another host has claimed the run meanwhile, or it has ended. */
  async #reload(): Promise<void> {
    const { engine, onOutdated } = this.#options;
    if (this.#epoch === 0) {
      this.letGo(outdated(this.run));
      return onOutdated();
    }
    this.#driver?.stop();
    this.#driver = undefined;
    this.#state = await loadRun(engine, this.run, this.claim.ticket.workflow);
    const { epoch, node } = this.#state.run.context;
    const ours = epoch === this.#epoch && node === engine.node;
    if (ours && !isTerminal(this.#state)) return;
    this.letGo(overtaken(this.#state));
    if (isTerminal(this.#state)) this.#leaveEnded();
  }

  #leaveEnded(): void {
    const { engine, surroundings, onLeave } = this.#options;
    onLeave(leaveEnded(engine, this.claim, this.#state, surroundings));
  }

  /** The commit stands: do what it says. */
  #act(context: TurnContext, outcome: TurnOutcome): void {
    const isFirst = this.#epoch === 0;
    this.#epoch = this.#state.run.context.epoch;
    this.#movedAt = this.#decidedAt;
    for (const confirm of outcome.confirmed) confirm();
    if (outcome.more) this.#nudge();
    this.#attempts.stopEnded(this.#state);
    this.#options.cluster.unrecorded.seen(this.#state);
    if (isTerminal(this.#state)) {
      this.letGo(over(this.run, "has ended"));
      this.#leaveEnded();
    } else if (!this.over) {
      if (isFirst) this.#attempts.resume(context, this.#state);
      for (const one of outcome.started) this.#attempts.begin(context, this.#state, one);
      this.#children.tend(this.#state);
    }
  }

  /** Nothing waits in the mailbox: set the alarm, or park the run if nothing moves for long. */
  async #rest(): Promise<void> {
    this.#cancelWake();
    const { engine, parkAfterMs } = this.#options;
    const { clock } = engine.world;
    const times = { decidedAt: this.#decidedAt, movedAt: this.#movedAt, now: clock.now() };
    const rest = restOf(this.#state, { ...times, parkAfterMs });
    const idle = this.#attempts.size === 0 && this.#listening;
    if (rest.kind === "parked" && this.#listening) this.#parked();
    else if (rest.kind === "park" && idle) await this.#park(rest.until);
    else if (rest.wake !== undefined) this.#cancelWake = clock.after(rest.waitMs, this.#nudge);
  }

  async #park(until: number | undefined): Promise<void> {
    const { engine } = this.#options;
    const draft = new Draft(this.#state, engine.world.clock.now());
    const reason = whyParked(this.#state, until);
    draft.run({ type: "cmd.park", now: draft.now, reason, until: until ?? null });
    const { inbox } = this.#state.cursor;
    if (await commitBehindNotes(engine, draft, inbox, this.#life.signal)) return this.#parked();
    await this.#reload();
    this.#nudge();
  }

  #parked(): void {
    const { engine, onLeave } = this.#options;
    this.letGo(over(this.run, "is parked"));
    const askAt = nextAsk(this.#state, engine.world.clock.now());
    const until = askAt ?? this.#state.run.context.parkedUntil ?? undefined;
    onLeave(leaveParked(engine, this.claim, this.#state, until));
  }

  #crash(error: unknown): void {
    // What is still under way when a run is let go meets a closed door; that is no news.
    if (this.over) return;
    this.letGo(faultOf(this.run, error));
    this.#options.onFault(error);
  }
}
