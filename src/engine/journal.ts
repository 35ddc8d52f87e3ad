/**
 * Runs read and written without hosting them: what the stores are made of. Per run there is one queue
 * in this process; everything that waits in it becomes one frame, through the engine's own `commit`.
 *
 *   amend, amend, read ──> decide on a copy ──> append ──> answer all three
 *                              └── refused: read what is new, pause, decide again
 *
 * No caller sees anything that is not committed, and no answer is older than its call.
 */
import type { RunState } from "../domain/state.ts";
import { type Deferred, deferred } from "../kernel/async.ts";
import { pause } from "../kernel/clock.ts";
import { isMillraceError, MillraceError } from "../kernel/errors.ts";
import { limits } from "../kernel/limits.ts";
import type { RunNotes } from "../projections/run-notes.ts";
import { commit } from "./commit.ts";
import { Draft } from "./draft.ts";
import type { Engine } from "./engine.ts";
import { adopt, catchUpKept, type KeptRun, loadKept } from "./kept-run.ts";
import { copyRunState } from "./run-copy.ts";

/** Adds events to the draft and returns the answer, or throws a refusal. May be called several times. */
export type Decide<T> = (draft: Draft, notes: RunNotes) => T;

/** What it returns must stay true when the run goes on: copies, never parts of the state. */
export type Look<T> = (state: RunState, notes: RunNotes) => T;

export interface JournalOptions {
  /** Runs kept in memory, beside those in use. @default 1000 */
  readonly runs?: number;
  /** Roughly so many bytes of them; the run used last is kept in any case. @default 256 MiB */
  readonly bytes?: number;
}

type Call =
  | { readonly kind: "amend"; readonly decide: Decide<unknown>; readonly done: Deferred<unknown> }
  | { readonly kind: "read"; readonly look: Look<unknown>; readonly done: Deferred<unknown> };

/** The queue of one run. */
interface Line {
  readonly run: string;
  readonly calls: Call[];
  kept: KeptRun | undefined;
  working: boolean;
}

/** What some calls lead to: events of one frame, and answers to be given once it is in the log. */
interface Round {
  readonly draft: Draft;
  readonly answers: readonly (() => void)[];
}

/** After a conflict: a random part of this, doubled by each further conflict up to the maximum. */
const PAUSE_MS = 4;
const PAUSE_MAX_MS = 250;
const MiB = 1024 * 1024;

export class Journal {
  readonly #engine: Engine;
  readonly #runsMax: number;
  readonly #bytesMax: number;
  /** The longest unused first. */
  readonly #lines = new Map<string, Line>();

  constructor(engine: Engine, options: JournalOptions = {}) {
    this.#engine = engine;
    this.#runsMax = options.runs ?? 1_000;
    this.#bytesMax = options.bytes ?? 256 * MiB;
  }

  /**
   * Writes to a run, which need not exist. `decide` sees the run as committed plus what comes before it
   * in the same frame (the draft), and the notes as committed; what it throws rejects this call only and
   * leaves nothing behind. When it adds no event, nothing is written, and its answer is still up to date.
   * @throws MillraceError `E_TOO_LARGE`, `E_LOG_CORRUPT`, `E_FRAME_INVALID`; `E_STORE_UNAVAILABLE` when others
   * write to the run without end; whatever `decide` throws
   */
  amend<T>(run: string, decide: Decide<T>): Promise<T> {
    const done = deferred<T>();
    this.#enqueue(run, { kind: "amend", decide, done: done as Deferred<unknown> });
    return done.promise;
  }

  /**
   * Looks at a run, which need not exist (`cursor.seq` is 0 then).
   * @throws MillraceError `E_LOG_CORRUPT`, `E_FRAME_INVALID`; whatever `look` throws
   */
  read<T>(run: string, look: Look<T>): Promise<T> {
    const done = deferred<T>();
    this.#enqueue(run, { kind: "read", look, done: done as Deferred<unknown> });
    return done.promise;
  }

  /** Gives up the memory of a run that was erased. */
  forget(run: string): void {
    const line = this.#lines.get(run);
    if (line?.working) line.kept = undefined;
    else this.#lines.delete(run);
  }

  #enqueue(run: string, call: Call): void {
    const line = this.#lineOf(run);
    line.calls.push(call);
    if (!line.working) void this.#work(line);
  }

  /** Puts the run last: the order of the map is that of use. */
  #lineOf(run: string): Line {
    const line = this.#lines.get(run) ?? {
      run,
      calls: [],
      kept: undefined,
      working: false,
    };
    this.#lines.delete(run);
    this.#lines.set(run, line);
    return line;
  }

  /** Never rejects: a fault is the answer to the calls that met it. */
  async #work(line: Line): Promise<void> {
    line.working = true;
    // What is called in the same turn of the event loop goes together.
    await Promise.resolve();
    while (line.calls.length > 0) {
      const calls = line.calls.splice(0);
      try {
        await this.#turn(line, calls);
        // Nothing is known of a run that is not there: whoever begins it is heard of by asking again.
        if (line.kept?.state.cursor.seq === 0) line.kept = undefined;
      } catch (error) {
        if (!isMillraceError(error, "E_TOO_LARGE")) line.kept = undefined;
        for (const { done } of calls) done.reject(error);
      }
    }
    line.working = false;
    this.#evict();
  }

  /** Answers the calls, or puts those that do not fit into one frame back into the queue. */
  async #turn(line: Line, calls: Call[]): Promise<void> {
    const { clock, random } = this.#engine.world;
    let fresh = line.kept === undefined;
    for (let conflicts = 0; conflicts <= limits.commitConflictsMax; ) {
      line.kept ??= await loadKept(this.#engine, line.run);
      const { kept } = line;
      const { draft, answers } = decideRound(kept, calls, clock.now());
      line.calls.unshift(...calls.splice(answers.length));
      const write = draft.events.length > 0;
      if (write ? await this.#commit(line, kept, draft, calls) : fresh) {
        for (const answer of answers) answer();
        return;
      }
      if (write) await pause(clock, random.next() * pauseMs(conflicts++));
      // Refused, or nothing was written that could have proved that the log has not moved on.
      line.kept = await catchUpKept(this.#engine, kept);
      fresh = true;
    }
    throw new MillraceError(
      "E_STORE_UNAVAILABLE",
      `run ${line.run} is written to from elsewhere without end; nothing of this call was written, try it again later`,
      { details: { run: line.run } },
    );
  }

  /** False: nothing was written, and what was decided must be decided again. */
  async #commit(line: Line, kept: KeptRun, draft: Draft, calls: Call[]): Promise<boolean> {
    const { state, events } = draft;
    try {
      if (state.cursor.seq > limits.runEventsMax) throw tooLong(line.run);
      if (!(await commit(this.#engine, draft, state.cursor.inbox))) return false;
      adopt(kept, state, events);
      return true;
    } catch (error) {
      // The run was there when it was read.
      if (isMillraceError(error, "E_RUN_ERASED") && kept.state.cursor.seq > 0) return false;
      if (!isMillraceError(error, "E_TOO_LARGE") || calls.length < 2) throw error;
      line.calls.unshift(...calls.splice(1));
      return false;
    }
  }

  #evict(): void {
    const idle = [...this.#lines.values()].filter((line) => !line.working);
    let bytes = idle.reduce((sum, { kept }) => sum + (kept?.bytes ?? 0), 0);
    let runs = idle.length;
    for (const line of idle.slice(0, -1)) {
      if (runs <= this.#runsMax && bytes <= this.#bytesMax) return;
      this.#lines.delete(line.run);
      bytes -= line.kept?.bytes ?? 0;
      runs--;
    }
  }
}

const pauseMs = (conflicts: number): number => Math.min(PAUSE_MAX_MS, PAUSE_MS * 2 ** conflicts);

function decideRound(kept: KeptRun, calls: readonly Call[], now: number): Round {
  let draft = new Draft(copyRunState(kept.state), now);
  const answers: (() => void)[] = [];
  let bytes = 0;
  for (const call of calls) {
    if (bytes > limits.frameBytesTarget) break;
    const { done } = call;
    if (call.kind === "read") {
      answers.push(() => settleRead(call.look, kept, done));
      continue;
    }
    const before = draft.events.length;
    try {
      const answer = call.decide(draft, kept.notes);
      answers.push(() => done.resolve(answer));
      for (const event of draft.events.slice(before)) bytes += JSON.stringify(event).length;
    } catch (refusal) {
      answers.push(() => done.reject(refusal));
      if (draft.events.length === before) continue;
      // Half a decision: back to what the calls before it had decided.
      const earlier = draft.events.slice(0, before);
      draft = new Draft(copyRunState(kept.state), now);
      draft.add(earlier);
    }
  }
  return { draft, answers };
}

function settleRead(look: Look<unknown>, kept: KeptRun, done: Deferred<unknown>): void {
  try {
    done.resolve(look(kept.state, kept.notes));
  } catch (refusal) {
    done.reject(refusal);
  }
}

const tooLong = (run: string): MillraceError =>
  new MillraceError(
    "E_TOO_LARGE",
    `run ${run} would have more than ${limits.runEventsMax} events; split such work into several runs`,
    { details: { run } },
  );
