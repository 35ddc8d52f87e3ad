/** Who is there: one row per node, renewed by its heartbeat, gone with its process. */
import type { StatementSync } from "node:sqlite";
import { limits } from "../../kernel/limits.ts";
import type { NodeInfo, NodeListener, NodeRegistry } from "../../ports/node-registry.ts";
import type { Access, Backend } from "./backend.ts";
import type { Holders } from "./holders.ts";
import { NodeNews } from "./node-news.ts";

export class SqliteNodeRegistry implements NodeRegistry {
  readonly #backend: Backend;
  readonly #access: Access;
  readonly #holders: Holders;
  readonly #announce: StatementSync;
  readonly #withdraw: StatementSync;
  readonly #list: StatementSync;
  readonly #news: NodeNews;

  constructor(backend: Backend, holders: Holders) {
    const { db } = backend;
    this.#backend = backend;
    this.#access = backend.access();
    this.#holders = holders;
    this.#announce = db.prepare(
      `INSERT INTO nodes (namespace, node, holder, seen, info) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE
         SET holder = excluded.holder, seen = excluded.seen, info = excluded.info`,
    );
    this.#withdraw = db.prepare("DELETE FROM nodes WHERE namespace = ? AND node = ?");
    this.#list = db.prepare("SELECT info FROM nodes WHERE namespace = ? AND seen > ?");
    this.#news = new NodeNews(backend, holders);
  }

  async announce(info: NodeInfo): Promise<void> {
    const { namespace, holder, world } = this.#backend;
    const text = JSON.stringify(info);
    await this.#access.write({
      durable: false,
      run: () => this.#announce.run(namespace, info.id, holder, Math.ceil(world.clock.now()), text),
      committed: () => this.#news.look(),
    });
  }

  async withdraw(id: string): Promise<void> {
    await this.#access.write({
      durable: false,
      run: () => this.#withdraw.run(this.#backend.namespace, id),
      committed: () => this.#news.look(),
    });
  }

  list(): Promise<readonly NodeInfo[]> {
    const { namespace, world } = this.#backend;
    return this.#access.read(() => {
      const rows = this.#list.all(namespace, world.clock.now() - limits.nodeGoneMs);
      return rows.map(({ info }) => JSON.parse(String(info)) as NodeInfo);
    });
  }

  alive(id: string): Promise<boolean> {
    return this.#access.read(() => this.#holders.isAlive(id));
  }

  async watch(listener: NodeListener): Promise<() => void> {
    this.#access.check();
    return this.#news.tell(listener);
  }

  async close(): Promise<void> {
    if (this.#access.closed) return;
    this.#news.close();
    const withdrawn = this.#access.write({ durable: false, run: () => this.#holders.withdraw() });
    this.#access.close();
    await withdrawn;
  }
}
