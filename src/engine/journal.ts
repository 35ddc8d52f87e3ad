/**
 * Runs read and written without hosting them: what the stores are made of. Per run there is one queue
 * in this process; everything that waits in it becomes one frame, through the engine's own `commit`.
 *
 *   amend, amend, read ──> decide on a copy ──> append ──> answer all three
 *                              └── refused: read what is new, pause, decide again
 *
 * No caller sees anything that is not committed, and no answer is older than its call.
 */
import { type Deferred, deferred } from "../kernel/async.ts";
import { pause } from "../kernel/clock.ts";
import { isMillraceError, MillraceError } from "../kernel/errors.ts";
import { limits } from "../kernel/limits.ts";
import type { RunState } from "../domain/state.ts";
import type { RunNotes } from "../projections/run-notes.ts";
import { commit } from "./commit.ts";
import { Draft } from "./draft.ts";
import type { Engine } from "./engine.ts";
import { copyRunState } from "./run-copy.ts";
import { adoptFrame, catchUpKept, type KeptRun, loadKept } from "./kept-run.ts";

/** Adds events to the draft and returns the answer, or throws a refusal. May be called several times. */
export type Decide<T> = (draft: Draft, notes: RunNotes) => T;

/** What it returns must stay true when the run goes on: copies, never parts of the state. */
export type Look<T> = (state: RunState, notes: RunNotes) => T;

export interface JournalOptions {
  /** Runs kept in memory, beside those in use. @default 1000 */
  readonly runs?: number;
  /** Roughly so many bytes of them. @default 268435456 (256 MiB) */
  readonly bytes?: number;
}

/** One call that waits for its answer. `decide` and `look`: one of the two. */
interface Call {
  readonly decide: Decide<unknown> | undefined;
  readonly look: Look<unknown> | undefined;
  readonly done: Deferred<unknown>;
}

/** The queue of one run. */
interface Line {
  readonly run: string;
  readonly calls: Call[];
  kept: KeptRun | undefined;
  callsPerCommit: number;
  working: boolean;
}

type Outcome = { readonly value: unknown } | { readonly refused: unknown };

/** At most so many calls go into one commit. */
const CALLS_PER_COMMIT = 256;
/** Pauses after a conflict: a random part of this, doubled by each further conflict up to the maximum. */
const PAUSE_MS = 4;
const PAUSE_MAX_MS = 250;

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
    this.#bytesMax = options.bytes ?? 256 * 1024 * 1024;
  }

  /**
   * Writes to a run, which need not exist. `decide` sees the run as committed plus what came before it in
   * the same frame (`draft`), and committed notes; what it throws rejects this call only and leaves
   * nothing behind. Without events in the draft nothing is written, and the answer is still up to date.
   * @throws MillraceError `E_TOO_LARGE`, `E_LOG_CORRUPT`, `E_FRAME_INVALID`; `E_STORE_UNAVAILABLE` when others
   * write to the run without end; whatever `decide` throws
   */
  amend<T>(run: string, decide: Decide<T>): Promise<T> {
    return this.#enqueue(run, { decide, look: undefined }) as Promise<T>;
  }

  /**
   * Looks at a run, which need not exist (its `cursor.seq` is 0 then).
   * @throws MillraceError `E_LOG_CORRUPT`, `E_FRAME_INVALID`; whatever `look` throws
   */
  read<T>(run: string, look: Look<T>): Promise<T> {
    return this.#enqueue(run, { decide: undefined, look }) as Promise<T>;
  }

  #enqueue(run: string, call: Omit<Call, "done">): Promise<unknown> {
    const line = this.#lineOf(run);
    const done = deferred<unknown>();
    line.calls.push({ ...call, done });
    if (!line.working) void this.#work(line);
    return done.promise;
  }

  #lineOf(run: string): Line {
    const known = this.#lines.get(run);
    const line: Line = known ?? {
      run,
      calls: [],
      kept: undefined,
      callsPerCommit: CALLS_PER_COMMIT,
      working: false,
    };
    // Put last again: the map's order is that of use.
    this.#lines.delete(run);
    this.#lines.set(run, line);
    return line;
  }

  /** Never rejects: every fault is some caller's answer. */
  async #work(line: Line): Promise<void> {
    line.working = true;
    // Calls made in the same turn of the event loop go together.
    await Promise.resolve();
    while (line.calls.length > 0) {
      const calls = line.calls.splice(0, line.callsPerCommit);
      const before = line.kept?.bytes ?? 0;
      try {
        await this.#turn(line, calls);
      } catch (error) {
        line.kept = undefined;
        for (const { done } of calls) done.reject(error);
      }
      this.#bytes += (line.kept?.bytes ?? 0) - before;
    }
    line.working = false;
    this.#evict();
  }

  async #turn(line: Line, calls: Call[]): Promise<void> {
    let fresh = line.kept === undefined;
    for (let conflicts = 0; conflicts <= limits.commitConflictsMax; ) {
      line.kept ??= await loadKept(this.#engine, line.run);
      const { kept } = line;
      const { draft, outcomes } = this.#decide(kept, calls);
      if (draft.events.length === 0) {
        // No append has proved that this is how the log stands.
        if (!fresh) {
          line.kept = (await catchUpKept(this.#engine, kept)) ?? undefined;
          fresh = true;
          if (line.kept !== kept) continue;
        }
      }
    }
  }
}
