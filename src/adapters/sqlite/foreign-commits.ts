/**
 * Notices what other processes have committed. SQLite tells nobody, but keeps a number that changes
 * with every foreign commit; it is looked at in short intervals, and only while somebody waits.
 */
import type { StatementSync } from "node:sqlite";
import type { CancelTimer, Clock } from "../../kernel/clock.ts";
import type { Database } from "./database.ts";
import { faultOf } from "./faults.ts";

/**
 * How often to look while others commit, and once they have not for a while. News are half of this
 * old on average. A look takes 3 µs, waking up for it 50: waiting costs about 1 % of a core.
 */
const LOOK_EVERY_MS = 5;
const LOOK_SELDOM_MS = 10;
/** So many looks without news are a while. */
const QUIET_LOOKS = 200;
/** After a fault of the disk. */
const LOOK_AGAIN_MS = 250;

export class ForeignCommits {
  readonly #version: StatementSync;
  readonly #clock: Clock;
  readonly #listeners = new Set<() => void>();
  /** The number that the listeners know; undefined: none yet. */
  #seen: unknown;
  /** Looks since the last news. */
  #quiet = 0;
  #timer: CancelTimer | undefined;

  constructor(db: Database, clock: Clock) {
    this.#version = db.prepare("PRAGMA data_version");
    this.#clock = clock;
  }

  /**
   * Calls `onChange` soon after every foreign commit from now on, and sometimes without one.
   * Returns what ends that.
   */
  listen(onChange: () => void): () => void {
    if (this.#listeners.size === 0) this.#again(LOOK_EVERY_MS);
    this.#listeners.add(onChange);
    return () => {
      this.#listeners.delete(onChange);
      if (this.#listeners.size > 0) return;
      this.#timer?.();
      this.#seen = undefined;
    };
  }

  /** Looks no more, also for listeners that never left. */
  close(): void {
    this.#timer?.();
    this.#listeners.clear();
  }

  #again(ms: number): void {
    this.#timer = this.#clock.after(ms, () => this.#tick());
  }

  #tick(): void {
    try {
      const version = this.#version.get()?.["data_version"];
      this.#quiet += 1;
      if (version !== this.#seen) this.#tell();
      this.#seen = version;
      this.#again(this.#quiet < QUIET_LOOKS ? LOOK_EVERY_MS : LOOK_SELDOM_MS);
    } catch (error) {
      if (faultOf(error) === undefined) throw error;
      // Not seen is not lost: the number is still another one at the next look.
      this.#again(LOOK_AGAIN_MS);
    }
  }

  #tell(): void {
    this.#quiet = 0;
    for (const listener of [...this.#listeners]) listener();
  }
}
