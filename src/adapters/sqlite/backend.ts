/**
 * What the ports of one open store share: the connection, the group commit, and who this process is
 * in the file. A port reaches them through an `Access`, which ends with the port.
 */
import { pause } from "../../kernel/clock.ts";
import { MillraceError } from "../../kernel/errors.ts";
import type { World } from "../../ports/store.ts";
import { thisProcess } from "../process-identity.ts";
import { Database } from "./database.ts";
import { faultError, faultOf } from "./faults.ts";
import { ForeignCommits } from "./foreign-commits.ts";
import { closedError, GroupCommit, type Write } from "./group-commit.ts";
import { namespacesMax } from "./schema.ts";

/** Readers are locked out only while another process recovers or removes the write-ahead log. */
const READ_PATIENCE_MS = 10_000;
const READ_AGAIN_MS = 20;

/** Who opens which namespace. */
export interface Opener {
  readonly namespace: string;
  readonly node: string;
  readonly world: World;
}

/** One open file: its connection, its group commit, and who is woken by what. */
export class Backend {
  readonly db: Database;
  readonly commits: GroupCommit;
  readonly foreign: ForeignCommits;
  readonly world: World;
  /** Number of the namespace in the file. */
  readonly namespace: number;
  /** Number of the row that says which process has this store open. */
  readonly holder: number;

  private constructor(db: Database, commits: GroupCommit, world: World, own: OwnRows) {
    this.db = db;
    this.commits = commits;
    this.foreign = new ForeignCommits(db, world.clock);
    this.world = world;
    this.namespace = own.namespace;
    this.holder = own.holder;
  }

  /**
   * Opens the file and enters this process into it.
   * @throws what `Database` throws; `E_OPTION_INVALID` when the file has no room for the namespace
   */
  static async open(path: string, { namespace, node, world }: Opener): Promise<Backend> {
    const db = new Database(path);
    try {
      const commits = new GroupCommit(db, world);
      const run = (): OwnRows => enter(db, namespace, node);
      return new Backend(db, commits, world, await commits.submit({ durable: true, run }));
    } catch (error) {
      db.close();
      throw error;
    }
  }

  access(): Access {
    return new Access(this);
  }

  /** Settles what was submitted, then closes the file. The ports are closed before. */
  async close(): Promise<void> {
    await this.commits.close();
    this.foreign.close();
    this.db.close();
  }
}

/** One port's way to the backend: after `close`, everything rejects with `E_STORE_CLOSED`. */
export class Access {
  readonly #backend: Backend;
  #closed = false;

  constructor(backend: Backend) {
    this.#backend = backend;
  }

  get closed(): boolean {
    return this.#closed;
  }

  close(): void {
    this.#closed = true;
  }

  /** @throws MillraceError `E_STORE_CLOSED` after `close` */
  check(): void {
    if (this.#closed) throw closedError(this.#backend.db.path);
  }

  /** Adds a write to the next group; rejects as `GroupCommit.submit` does. */
  async write<T>(write: Write<T>): Promise<T> {
    this.check();
    return this.#backend.commits.submit(write);
  }

  /** What `look` finds in the file now. Asks again while the file is locked. */
  async read<T>(look: () => T): Promise<T> {
    const { clock, random } = this.#backend.world;
    const until = clock.mono() + READ_PATIENCE_MS;
    for (;;) {
      this.check();
      try {
        return look();
      } catch (error) {
        const fault = faultOf(error);
        if (fault === undefined) throw error;
        if (fault !== "busy" || clock.mono() > until)
          throw faultError(fault, this.#backend.db.path, error);
      }
      await pause(clock, READ_AGAIN_MS * (0.5 + random.next()));
    }
  }
}

interface OwnRows {
  readonly namespace: number;
  readonly holder: number;
}

function enter(db: Database, name: string, node: string): OwnRows {
  const find = db.prepare("SELECT id FROM namespaces WHERE name = ?");
  const add = db.prepare("INSERT INTO namespaces (name) VALUES (?)");
  const known = find.get(name) as { id: number } | undefined;
  const namespace = known?.id ?? Number(add.run(name).lastInsertRowid);
  if (namespace > namespacesMax) {
    throw new MillraceError(
      "E_OPTION_INVALID",
      `${db.path} holds ${namespacesMax} namespaces and has no room for another; use a second file`,
      { details: { namespace: name } },
    );
  }
  const { pid, started, scope } = thisProcess();
  const { lastInsertRowid } = db
    .prepare("INSERT INTO holders (namespace, node, pid, started, scope) VALUES (?, ?, ?, ?, ?)")
    .run(namespace, node, pid, started, scope);
  return { namespace, holder: Number(lastInsertRowid) };
}
