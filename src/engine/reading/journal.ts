/**
 * Runs read and written without hosting them: what the stores are made of. Per run there is one
 * queue in this process; everything that waits in it becomes one frame, through the engine's own
 * `commit`.
 *
 *   amend, amend, read ──> decide on a copy ──> append ──> answer all three
 *                              └── refused: read what is new, pause, decide again
 *
 * No caller sees anything that is not committed, and no answer is older than its call.
 */
import { hasBegun, isDriven, isTerminal } from "../../domain/state.ts";
import { type Deferred, deferred } from "../../kernel/async.ts";
import { pause } from "../../kernel/clock.ts";
import { isMillraceError, MillraceError } from "../../kernel/errors.ts";
import { limits } from "../../kernel/limits.ts";
import type { Engine } from "../engine.ts";
import { commit } from "../turn/commit.ts";
import type { Draft } from "../turn/draft.ts";
import { type Call, type Decide, decideRound, type Look } from "./journal-round.ts";
import { adopt, catchUpKept, type KeptRun, loadKept } from "./kept-run.ts";

/** How much a journal keeps in memory. */
export interface JournalOptions {
  /** Runs kept in memory, beside those in use. @default 1000 */
  readonly runs?: number;
  /** Roughly so many bytes of them; the run used last is kept in any case. @default 256 MiB */
  readonly bytes?: number;
}

/** The queue of one run. */
interface Line {
  readonly run: string;
  readonly calls: Call[];
  kept: KeptRun | undefined;
  /** What it counted as when it was weighed last (bytes). */
  weighed: number;
  working: boolean;
  /** Monotonic ms before which the next round does not begin. */
  notBefore: number;
}

/** After a conflict: a random part of this, doubled by each further conflict up to the maximum. */
const PAUSE_MS = 4;
const PAUSE_MAX_MS = 250;
/**
 * Between two frames for a run that has a host, or waits for one: its own commits come first, and
 * whoever writes without pause would be refused by none of them, but refuse them all.
 */
const GIVE_WAY_MS = 2;
const MiB = 1024 * 1024;

export class Journal {
  readonly #engine: Engine;
  readonly #runsMax: number;
  readonly #bytesMax: number;
  /** The longest unused first. */
  readonly #lines = new Map<string, Line>();
  #bytes = 0;

  constructor(engine: Engine, options: JournalOptions = {}) {
    this.#engine = engine;
    this.#runsMax = options.runs ?? 1_000;
    this.#bytesMax = options.bytes ?? 256 * MiB;
  }

  /**
   * Writes to a run, which need not exist. `decide` sees the run as committed plus what comes
   * before it in the same frame (the draft), and the notes as committed; what it throws rejects
   * this call only and leaves nothing behind. When it adds no event, nothing is written, and its
   * answer is still up to date.
   * @throws MillraceError `E_TOO_LARGE`, `E_LOG_CORRUPT`, `E_FRAME_INVALID`; `E_STORE_UNAVAILABLE`
   * when others write to the run without end; whatever `decide` throws
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
    if (line === undefined) return;
    line.kept = undefined;
    if (!line.working) this.#weigh(line);
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
      weighed: 0,
      working: false,
      notBefore: 0,
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
      const { clock } = this.#engine.world;
      if (clock.mono() < line.notBefore) await pause(clock, GIVE_WAY_MS);
      const calls = line.calls.splice(0);
      try {
        await this.#turn(line, calls);
        // Nothing is kept of a run that is not there: that it begins is heard by asking again.
        if (line.kept?.state.cursor.seq === 0) line.kept = undefined;
      } catch (error) {
        if (!isMillraceError(error, "E_TOO_LARGE")) line.kept = undefined;
        for (const { done } of calls) done.reject(error);
      }
    }
    line.working = false;
    this.#weigh(line);
    this.#evict();
  }

  /** Keeps the sum of what the lines keep, and only lines that keep something. */
  #weigh(line: Line): void {
    const bytes = line.kept?.bytes ?? 0;
    this.#bytes += bytes - line.weighed;
    line.weighed = bytes;
    if (line.kept === undefined) this.#lines.delete(line.run);
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
      const written = draft === undefined || draft.events.length === 0 ? undefined : draft;
      if (written ? await this.#commit(line, kept, written, calls) : fresh) {
        for (const answer of answers) answer();
        return;
      }
      if (written) await pause(clock, random.next() * pauseMs(conflicts++));
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
      if (!hasBegun(state)) throw notBegun(line.run);
      if (state.cursor.seq > limits.runEventsMax) throw tooLong(line.run);
      if (!(await commit(this.#engine, draft, state.cursor.inbox))) return false;
      adopt(kept, state, events);
      if (!isDriven(state) && !isTerminal(state)) {
        line.notBefore = this.#engine.world.clock.mono() + GIVE_WAY_MS;
      }
      return true;
    } catch (error) {
      // Erased since it was read: what is there now is to be decided on.
      if (isMillraceError(error, "E_RUN_ERASED")) return false;
      if (!isMillraceError(error, "E_TOO_LARGE") || calls.length < 2) throw error;
      line.calls.unshift(...calls.splice(1));
      return false;
    }
  }

  #evict(): void {
    for (const line of this.#lines.values()) {
      if (this.#lines.size <= this.#runsMax && this.#bytes <= this.#bytesMax) return;
      if (line.working || this.#lines.size === 1) continue;
      this.#bytes -= line.weighed;
      this.#lines.delete(line.run);
    }
  }
}

const pauseMs = (conflicts: number): number => Math.min(PAUSE_MAX_MS, PAUSE_MS * 2 ** conflicts);

const notBegun = (run: string): MillraceError =>
  new MillraceError("E_RUN_NOT_FOUND", `there is no run ${run} to write to; begin it first`, {
    details: { run },
  });

const tooLong = (run: string): MillraceError =>
  new MillraceError(
    "E_TOO_LARGE",
    `run ${run} would have more than ${limits.runEventsMax} events; split such work into several runs`,
    { details: { run } },
  );
