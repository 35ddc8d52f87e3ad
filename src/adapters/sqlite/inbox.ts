/** Inputs of runs in one table; watchers are woken by posts of this process and of others. */

import type { StatementSync } from "node:sqlite";
import { Wakeup } from "../../kernel/async.ts";
import { pause } from "../../kernel/clock.ts";
import { isMillraceError } from "../../kernel/errors.ts";
import type { Position } from "../../ports/event-log.ts";
import type { Inbox, StoredInput } from "../../ports/inbox.ts";
import type { Access, Backend } from "./backend.ts";
import { type News, Wakeups } from "./wakeups.ts";

/** How long a watcher that could not read the store waits before it tries again. */
const WATCH_AGAIN_MS = 250;

export class SqliteInbox implements Inbox {
  readonly #backend: Backend;
  readonly #access: Access;
  readonly #waiting: Wakeups;
  readonly #post: StatementSync;
  readonly #since: StatementSync;
  readonly #last: StatementSync;
  readonly #discard: StatementSync;

  constructor(backend: Backend) {
    const { db } = backend;
    this.#backend = backend;
    this.#access = backend.access();
    this.#waiting = new Wakeups(backend.foreign, new InboxNews(backend));
    this.#post = db.prepare("INSERT INTO inputs (namespace, run, bytes) VALUES (?, ?, ?)");
    this.#since = db.prepare(
      `SELECT position, bytes FROM inputs WHERE namespace = ? AND run = ? AND position > ?
       ORDER BY position`,
    );
    this.#last = db.prepare(
      "SELECT coalesce(max(position), 0) AS last FROM inputs WHERE namespace = ? AND run = ?",
    );
    this.#discard = db.prepare(
      "DELETE FROM inputs WHERE namespace = ? AND run = ? AND position <= ?",
    );
  }

  post(run: string, bytes: Uint8Array): Promise<Position> {
    return this.#access.write({
      durable: true,
      run: () => Number(this.#post.run(this.#backend.namespace, run, bytes).lastInsertRowid),
      committed: () => this.#waiting.wake(run),
    });
  }

  read(run: string, after: Position): Promise<readonly StoredInput[]> {
    return this.#access.read(() => {
      const rows = this.#since.all(this.#backend.namespace, run, after);
      return rows as unknown as readonly StoredInput[];
    });
  }

  async watch(
    run: string,
    onInput: (input: StoredInput) => void,
    onGap: () => void,
  ): Promise<() => void> {
    const { last } = await this.#access.read(
      () => this.#last.get(this.#backend.namespace, run) as { last: number },
    );
    const watcher = { run, onInput, onGap, waiter: new Wakeup(), stopped: false };
    const leave = this.#waiting.join([run], watcher.waiter);
    void this.#tell(watcher, last).finally(leave);
    return () => {
      watcher.stopped = true;
      watcher.waiter.wake();
    };
  }

  async discard(run: string, upTo: Position): Promise<void> {
    await this.#access.write({
      // Losing a discard costs a second look at inputs that the run knows it has taken.
      durable: false,
      run: () => this.#discard.run(this.#backend.namespace, run, upTo),
    });
  }

  async close(): Promise<void> {
    this.#access.close();
    this.#waiting.wakeAll();
  }

  async #tell(watcher: Watcher, from: Position): Promise<void> {
    const done = (): boolean => watcher.stopped || this.#access.closed;
    for (let after = from; !done(); ) {
      try {
        for (const input of await this.read(watcher.run, after)) {
          if (done()) return;
          after = input.position;
          watcher.onInput(input);
        }
        await watcher.waiter.next();
      } catch (error) {
        if (isMillraceError(error, "E_STORE_CLOSED") && done()) return;
        if (!isMillraceError(error, "E_STORE_UNAVAILABLE")) throw error;
        watcher.onGap();
        await pause(this.#backend.world.clock, WATCH_AGAIN_MS);
      }
    }
  }
}

interface Watcher {
  readonly run: string;
  readonly onInput: (input: StoredInput) => void;
  readonly onGap: () => void;
  readonly waiter: Wakeup;
  stopped: boolean;
}

/** Inputs that other processes posted, as the runs they are for. */
class InboxNews implements News {
  readonly #namespace: number;
  readonly #newest: StatementSync;
  readonly #runs: StatementSync;
  /** Up to here the runs were told; undefined: unknown. */
  #known: number | undefined;

  constructor({ db, namespace }: Backend) {
    this.#namespace = namespace;
    this.#newest = db.prepare("SELECT coalesce(max(position), 0) AS newest FROM inputs");
    this.#runs = db.prepare("SELECT DISTINCT run FROM inputs WHERE position > ? AND namespace = ?");
  }

  forget(): void {
    this.#known = undefined;
  }

  keys(): readonly string[] | "all" {
    const after = this.#known;
    const { newest } = this.#newest.get() as { newest: number };
    this.#known = Math.max(after ?? 0, newest);
    if (after === undefined) return "all";
    const rows = this.#runs.all(after, this.#namespace) as unknown as readonly { run: string }[];
    return rows.map((row) => row.run);
  }
}
