/**
 * Steps of runs that are hosted elsewhere, and run here. A host asks for room, is granted it as soon as
 * there is enough of everything, and then says go, for one attempt that its log has recorded by then. What
 * was granted is held for a while only; whoever comes too late is told that the attempt is lost.
 */
import { add, fits, type Resources } from "../../cluster/resources.ts";
import { toFailure } from "../../events/failure.ts";
import type { CancelTimer } from "../../kernel/clock.ts";
import { MillraceError } from "../../kernel/errors.ts";
import { limits } from "../../kernel/limits.ts";
import type { AttemptOutcome, RunningAttempt } from "../attempts/attempt.ts";
import type { Engine } from "../engine.ts";
import type { Catalog } from "../hosting/catalog.ts";
import { unattended } from "../hosting/leave.ts";
import type { Capacity } from "./capacity.ts";
import { launchGuest } from "./launch-guest.ts";
import type { Answer, Ask, Ended, Go, Recorded, Stop } from "./node-mail.ts";
import { NoteWaits } from "./note-waits.ts";
import type { PostOffice } from "./post-office.ts";
import { tellRun } from "./run-mail.ts";
import { type AttemptHere, runsByLog, type Unrecorded } from "./unrecorded.ts";
import { untilDone } from "./until-done.ts";

/** What guests need of their node. */
export interface GuestsOptions {
  readonly engine: Engine;
  readonly capacity: Capacity;
  readonly unrecorded: Unrecorded;
  readonly catalog: Catalog;
  readonly office: PostOffice;
  /** Nothing new is taken. */
  isDraining(): boolean;
}

interface Guest {
  readonly ask: Ask;
  /** Whoever asked; once it runs, whoever said go. */
  host: string;
  readonly whenFree: () => void;
  phase: "waiting" | "granted" | "running";
  /** Ends a grant that is not used. */
  expire: CancelTimer;
  attempt: RunningAttempt | undefined;
  /** Its host does not want to hear of it any more. */
  dismissed: boolean;
}

/** So many attempts are remembered after their end, so that what is said twice is done once. */
const REMEMBERED = 10_000;

/** All guests of this process, by what was granted. */
export class Guests {
  readonly #options: GuestsOptions;
  readonly #guests = new Map<string, Guest>();
  /** The oldest first. */
  readonly #ended = new Set<string>();
  readonly #notes: NoteWaits;

  constructor(options: GuestsOptions) {
    this.#options = options;
    this.#notes = new NoteWaits(options.engine);
  }

  /** Attempts that run here. */
  get running(): number {
    return [...this.#guests.values()].filter(({ phase }) => phase === "running").length;
  }

  /** A host asks for room. */
  asked(host: string, ask: Ask): void {
    if (this.#guests.has(ask.grant) || this.#ended.has(ask.grant)) return;
    const refusal = this.#refusalOf(ask);
    if (refusal !== undefined) {
      this.#refuse(host, ask, refusal);
      return;
    }
    const guest: Guest = {
      ask,
      host,
      whenFree: () => this.#grant(guest),
      phase: "waiting",
      expire: () => undefined,
      attempt: undefined,
      dismissed: false,
    };
    this.#guests.set(ask.grant, guest);
    this.#grant(guest);
    if (guest.phase === "waiting") this.#answer(guest, "queued");
  }

  /** A host has recorded an attempt: its code may run. */
  go(host: string, go: Go): void {
    const guest = this.#guests.get(go.grant);
    if (guest?.phase === "granted") this.#begin(guest, host, go);
    if (guest !== undefined || this.#ended.has(go.grant)) return;
    const { engine, capacity } = this.#options;
    const why = `node ${engine.node} knows nothing of attempt ${go.attempt} of step ${go.step}, or holds no room for it any more`;
    const error = toFailure(new MillraceError("E_STEP_LOST", why));
    this.#report(go, { ok: false, error: bare(error), retry: "lost" }, host, capacity.free);
  }

  /** A host does not want it any more. */
  stop({ grant, error, gently }: Stop): void {
    const guest = this.#guests.get(grant);
    if (guest?.phase === "running" && gently) {
      guest.attempt?.ask(new MillraceError("E_RUN_CANCELLED", error.message));
    } else if (guest?.phase === "running") {
      guest.dismissed = true;
      guest.attempt?.abort(new MillraceError("E_RUN_CANCELLED", error.message));
    } else if (guest !== undefined) {
      // Asked to end, it is in the log: whoever says go hears that it is lost, and records that.
      this.#leave(guest, gently ? guest.ask : undefined);
    } else this.#options.unrecorded.recorded({ grant });
  }

  /** A host has recorded how an attempt ended. */
  ended({ grant }: Ended): void {
    this.#options.unrecorded.recorded({ grant });
  }

  /** What became of something that one of them wanted recorded. */
  recorded(mail: Recorded): void {
    this.#notes.answered(mail);
  }

  /** A host is gone: what it asked for is not wanted, what it began goes on for the next host. */
  hostGone(host: string): void {
    for (const guest of [...this.#guests.values()]) {
      if (guest.host !== host) continue;
      if (guest.phase === "waiting") this.#leave(guest);
      else if (guest.phase === "granted") this.#doubt(guest);
    }
  }

  /** Nobody waits here any more; what runs may end. */
  drain(): void {
    for (const guest of [...this.#guests.values()]) {
      if (guest.phase !== "waiting") continue;
      this.#leave(guest);
      this.#refuse(guest.host, guest.ask, "it takes nothing new");
    }
  }

  /** Stops all that run here; each is reported as lost, so that it is tried elsewhere at once. */
  abort(reason: MillraceError): void {
    for (const { attempt } of [...this.#guests.values()]) attempt?.abort(reason);
    this.#notes.abort(reason);
  }

  /** Forgets all that has not begun, and says so; what has ended is the log's matter alone. */
  dismiss(): void {
    this.#options.unrecorded.close();
    for (const guest of [...this.#guests.values()]) {
      if (guest.phase !== "running") this.#drop(guest);
    }
  }

  /** Why it is no use to wait here; undefined: it may. */
  #refusalOf({ needs, ...of }: Ask): string | undefined {
    const { capacity, catalog, isDraining } = this.#options;
    if (isDraining()) return "it takes nothing new";
    if (!fits(needs, capacity.total)) return "it has not so much";
    return catalog.codeForStep(of) !== undefined ? undefined : "it has no code for the step";
  }

  #grant(guest: Guest): void {
    const { capacity, engine } = this.#options;
    if (!capacity.take(guest.ask.needs, guest.whenFree)) return;
    guest.phase = "granted";
    guest.expire = engine.world.clock.after(limits.grantMs, () => this.#doubt(guest));
    this.#answer(guest, "granted");
    // Whoever is called for something free calls the next one.
    capacity.nudge();
  }

  /**
   * What was granted is not used, or its host is gone. The log may have the attempt all the same: then another
   * host will say go, and until it does the room is kept.
   */
  #doubt(guest: Guest): void {
    guest.expire();
    const { engine } = this.#options;
    const { run, step } = guest.ask;
    unattended(engine, { run, step }, this.#resolve(guest));
  }

  async #resolve(guest: Guest): Promise<void> {
    const { engine } = this.#options;
    const isOpen = (): boolean =>
      this.#guests.get(guest.ask.grant) === guest && guest.phase === "granted";
    let wanted = true;
    try {
      wanted = await runsByLog(engine, guest.ask);
    } finally {
      if (isOpen() && !wanted) this.#drop(guest);
      else if (isOpen()) {
        const { clock, upkeep = clock } = engine.world;
        guest.expire = upkeep.after(limits.heartbeatMs, () => this.#doubt(guest));
      }
    }
  }

  #begin(guest: Guest, host: string, go: Go): void {
    const { engine, catalog, capacity } = this.#options;
    guest.expire();
    guest.phase = "running";
    guest.host = host;
    const attempt = launchGuest(engine, catalog, go, (noted) => this.#notes.record(go, noted));
    guest.attempt = attempt;
    // Never rejects: what goes wrong is the outcome.
    void attempt.done.then((outcome) => {
      this.#leave(guest, guest.dismissed ? undefined : go);
      // By the time that this is taken, what it took is free.
      const free = add(capacity.free, guest.ask.needs);
      if (!guest.dismissed) this.#report(go, outcome, guest.host, free);
    });
  }

  #report(go: Go, outcome: AttemptOutcome, host: string, free: Resources): void {
    const { engine } = this.#options;
    const { run, step, attempt, grant } = go;
    const said = { kind: "report", id: grant, node: engine.node, step, attempt, grant } as const;
    const whose = { run, step, host };
    const telling = (): Promise<unknown> => tellRun(engine, run, { ...said, outcome, free });
    unattended(engine, whose, untilDone(engine, whose, telling));
  }

  /** @param unrecorded the attempt whose end the log does not have yet */
  #leave(guest: Guest, unrecorded?: AttemptHere): void {
    const { capacity } = this.#options;
    const { ask, phase } = guest;
    if (!this.#guests.delete(ask.grant)) return;
    guest.expire();
    // Of what never ran, whoever says go must hear that it is lost.
    if (phase === "running") this.#ended.add(ask.grant);
    for (const oldest of this.#ended) {
      if (this.#ended.size <= REMEMBERED) break;
      this.#ended.delete(oldest);
    }
    if (phase === "waiting") capacity.forget(guest.whenFree);
    else if (unrecorded !== undefined) this.#options.unrecorded.hold(unrecorded, ask.needs);
    else capacity.release(ask.needs);
  }

  #drop(guest: Guest): void {
    this.#leave(guest);
    this.#answer(guest, "dropped");
  }

  #answer({ ask, host }: Guest, answer: Answer["answer"]): void {
    this.#options.office.tell(host, { kind: "answer", grant: ask.grant, answer });
  }

  #refuse(host: string, { grant }: Ask, why: string): void {
    this.#options.office.tell(host, { kind: "answer", grant, answer: "refused", why });
  }
}

const bare = ({ code, message }: { code: string; message: string }) => ({ code, message });
