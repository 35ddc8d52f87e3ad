/**
 * Records beside runs: gates and schedules. Any process reads and writes them, with no host and no
 * leader: what is decided on a copy is appended on condition that nobody has written meanwhile, or
 * decided anew. What waits in this process for one record goes into one frame.
 */
import type { LedgerCommand } from "../../../machines/ledger.ts";
import { copyActor } from "../../domain/copy.ts";
import type { Actor, Refusal } from "../../domain/table.ts";
import type { RecordEvent } from "../../events/vocabulary.ts";
import { type Deferred, deferred } from "../../kernel/async.ts";
import { pause } from "../../kernel/clock.ts";
import { MillraceError } from "../../kernel/errors.ts";
import { limits } from "../../kernel/limits.ts";
import type { Engine } from "../engine.ts";
import {
  append,
  closeLong,
  fold,
  foldNew,
  type Kept,
  type LedgerContext,
  type LedgerKind,
  ledgerId,
  locate,
  type Message,
} from "./ledger-log.ts";

/** A decision in the making: the record as it is with what was decided so far. */
export class LedgerDraft<C extends LedgerContext, Command extends Message = Message> {
  readonly #kind: LedgerKind<C>;
  readonly actor: Actor<C>;
  readonly now: number;
  readonly events: RecordEvent[] = [];

  /** @param events decided before */
  constructor(kind: LedgerKind<C>, kept: Kept<C>, now: number, events: readonly RecordEvent[]) {
    this.#kind = kind;
    this.actor = copyActor(kept.actor);
    this.now = now;
    for (const event of events) this.#add(event);
  }

  /** Undefined when the record's machine took the command. */
  order(command: Command): Refusal | undefined {
    const decided = this.#kind.table.decide(this.actor, command);
    if (!decided.ok) return decided.error;
    for (const event of decided.value) this.#add(event as RecordEvent);
    return undefined;
  }

  /** Adds what follows by itself. */
  settle(): void {
    const { settle } = this.#kind;
    if (settle === undefined) return;
    for (const command of settle(this.actor.context, this.now)) this.order(command as Command);
  }

  #add(event: RecordEvent): void {
    fold(this.#kind, this.actor, event);
    this.events.push(event);
  }
}

/** What a caller wants of a record. */
export interface Amendment<C extends LedgerContext, Command extends Message, T> {
  /**
   * Adds to the draft; may be called several times. What it throws is the answer, and leaves nothing
   * behind. Absent: the caller only looks, and has nothing follow either.
   */
  decide?(draft: LedgerDraft<C, Command>): void;
  /** Made of the record with all that others decided for the same frame, and what followed from it. */
  answer(context: C, now: number): T;
}

interface Call<C extends LedgerContext, Command extends Message> {
  readonly amendment: Amendment<C, Command, unknown>;
  readonly done: Deferred<unknown>;
}

/** What waits for one record, and what is known of it. */
interface Line<C extends LedgerContext, Command extends Message> {
  readonly name: string;
  readonly calls: Call<C, Command>[];
  kept: Kept<C> | undefined;
  working: boolean;
}

/** Called when a frame is durable, before those who waited for it hear of it. */
export type OnCommitted<C> = (events: readonly RecordEvent[], context: C, now: number) => void;

/** After a conflict: a random part of this, doubled by each further one up to the maximum (ms). */
const PAUSE_MS = 4;
const PAUSE_MAX_MS = 250;
const CALLS_PER_FRAME = 1_000;
/** Records kept in memory, beside those in use. */
const LINES_KEPT = 1_000;

/** All records of one kind, as this process sees them. */
export class Ledger<C extends LedgerContext, Command extends Message> {
  readonly #engine: Engine;
  readonly #kind: LedgerKind<C>;
  readonly #onCommitted: OnCommitted<C>;
  readonly #lines = new Map<string, Line<C, Command>>();

  constructor(engine: Engine, kind: LedgerKind<C>, onCommitted: OnCommitted<C> = () => undefined) {
    this.#engine = engine;
    this.#kind = kind;
    this.#onCommitted = onCommitted;
  }

  /**
   * Reads a record, and writes what `decide` adds. The answer is given once that is durable; when nothing
   * was added, once it is certain that what was read was up to date. A record that is not there is as its
   * machine begins.
   * @throws MillraceError `E_LOG_CORRUPT`, `E_FRAME_INVALID`, `E_TOO_LARGE`; `E_STORE_UNAVAILABLE` when
   * others write to it without end; whatever `decide` throws
   */
  amend<T>(name: string, amendment: Amendment<C, Command, T>): Promise<T> {
    const line = this.#lineOf(name);
    const done = deferred<T>();
    line.calls.push({ amendment, done: done as Deferred<unknown> });
    if (!line.working) void this.#work(line);
    return done.promise;
  }

  /** The record as it is now. */
  read<T>(name: string, answer: (context: C, now: number) => T): Promise<T> {
    return this.amend(name, { answer });
  }

  #lineOf(name: string): Line<C, Command> {
    const line = this.#lines.get(name) ?? { name, calls: [], kept: undefined, working: false };
    // The order of the map is that of use.
    this.#lines.delete(name);
    this.#lines.set(name, line);
    for (const [other, { working }] of this.#lines) {
      if (this.#lines.size <= LINES_KEPT) break;
      if (!working && other !== name) this.#lines.delete(other);
    }
    return line;
  }

  /** Never rejects: a fault is the answer to the calls that met it. */
  async #work(line: Line<C, Command>): Promise<void> {
    line.working = true;
    // What is called in the same turn of the event loop goes together.
    await Promise.resolve();
    while (line.calls.length > 0) {
      const calls = line.calls.splice(0, CALLS_PER_FRAME);
      try {
        // First, so that those who meet a fault of it hear of it.
        if (line.kept && (await closeLong(this.#engine, this.#kind, line.kept))) {
          line.kept = undefined;
        }
        await this.#turn(line, calls);
      } catch (error) {
        line.kept = undefined;
        for (const { done } of calls) done.reject(error);
      }
    }
    line.working = false;
  }

  async #turn(line: Line<C, Command>, calls: readonly Call<C, Command>[]): Promise<void> {
    const { clock, random } = this.#engine.world;
    let fresh = false;
    for (let conflicts = 0; conflicts <= limits.commitConflictsMax; ) {
      fresh ||= line.kept === undefined;
      line.kept ??= await locate(this.#engine, this.#kind, line.name);
      const { kept } = line;
      const { draft, answers } = this.#decide(kept, calls);
      const writes = draft.events.length > 0;
      if (writes ? await append(this.#engine, this.#kind, kept, draft.now, draft.events) : fresh) {
        if (writes) this.#stands(kept, draft);
        for (const answer of answers) answer();
        return;
      }
      if (writes) await pause(clock, random.next() * pauseMs(conflicts++));
      line.kept = await this.#catchUp(kept);
      fresh = true;
    }
    throw new MillraceError(
      "E_STORE_UNAVAILABLE",
      `the record ${line.name} is written to from elsewhere without end; try it again later`,
      { details: { name: line.name } },
    );
  }

  #decide(kept: Kept<C>, calls: readonly Call<C, Command>[]) {
    const now = this.#engine.world.clock.now();
    let draft = new LedgerDraft<C, Command>(this.#kind, kept, now, []);
    if (kept.seq === 0) this.#open(draft, kept);
    const beginning = draft.events.length;
    const answers: (() => void)[] = [];
    for (const { amendment, done } of calls) {
      const before = draft.events.length;
      try {
        amendment.decide?.(draft);
        answers.push(() => done.resolve(amendment.answer(draft.actor.context, now)));
      } catch (refusal) {
        answers.push(() => done.reject(refusal));
        // Half a decision: back to what the calls before it had decided.
        draft = new LedgerDraft(this.#kind, kept, now, draft.events.slice(0, before));
      }
    }
    if (calls.some(({ amendment }) => amendment.decide !== undefined)) draft.settle();
    // A record that would hold nothing but its beginning does not begin.
    if (draft.events.length === beginning) draft.events.length = 0;
    return { draft, answers };
  }

  #stands(kept: Kept<C>, { actor, events, now }: LedgerDraft<C, Command>): void {
    kept.actor = actor;
    this.#onCommitted(events, actor.context, now);
  }

  #open(draft: LedgerDraft<C, Command>, { name, generation }: Kept<C>): void {
    const open: LedgerCommand = { type: "cmd.open", now: draft.now, name, generation };
    (draft as LedgerDraft<C>).order(open);
  }

  /** What is kept, brought up to date, in one request when nothing has happened; undefined: it is to be looked for anew. */
  async #catchUp(kept: Kept<C>): Promise<Kept<C> | undefined> {
    if (kept.seq === 0) return undefined;
    const run = ledgerId(this.#kind.workflow, kept.name, kept.generation);
    const head = await this.#engine.store.log.head(run);
    if (head === kept.head) return kept;
    const follows = await foldNew(this.#engine, this.#kind, kept);
    return follows && kept.head >= head && kept.actor.state !== "closed" ? kept : undefined;
  }
}

const pauseMs = (conflicts: number): number => Math.min(PAUSE_MAX_MS, PAUSE_MS * 2 ** conflicts);
