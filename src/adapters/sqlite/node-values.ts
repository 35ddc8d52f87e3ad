/**
 * Values that live on nodes, where all nodes are processes of one machine: files beside the database,
 * which every process may read as long as the one that wrote them is there.
 */
import type { KeptValue, NodeValues } from "../../ports/node-values.ts";
import { nodeGone } from "../node-gone.ts";
import { findBeside, piecesOf, temporaryParent, ValueFolder } from "../value-folder.ts";
import type { Access, Backend } from "./backend.ts";
import type { Holders } from "./holders.ts";

export class SqliteNodeValues implements NodeValues {
  readonly #access: Access;
  readonly #holders: Holders;
  readonly #namespace: number;
  /** Undefined for a store in memory: nobody else can have it open. */
  readonly #parent: string | undefined;
  readonly #own: ValueFolder;

  constructor(backend: Backend, holders: Holders, node: string) {
    const { db, namespace, world } = backend;
    this.#access = backend.access();
    this.#holders = holders;
    this.#namespace = namespace;
    this.#parent = db.inMemory ? undefined : `${db.path}-values`;
    const parent = this.#parent ?? temporaryParent();
    this.#own = new ValueFolder(parent, this.#nameOf(node), world.ids);
  }

  keep(pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<KeptValue> {
    return this.#own.keep(pieces);
  }

  async read(node: string, digest: string): Promise<AsyncIterable<Uint8Array> | undefined> {
    if (!(await this.#access.read(() => this.#holders.isAlive(node)))) {
      throw nodeGone(node);
    }
    // An open file stays readable to its end, whatever becomes of its node meanwhile.
    const path =
      this.#parent === undefined
        ? await this.#own.find(digest)
        : await findBeside(this.#parent, this.#nameOf(node), digest);
    return path === undefined ? undefined : piecesOf(path, () => nodeGone(node));
  }

  drop(digest: string): Promise<boolean> {
    return this.#own.drop(digest);
  }

  async close(): Promise<void> {
    this.#access.close();
    await this.#own.close();
  }

  /** Namespaces of one file may have nodes of one name. */
  #nameOf(node: string): string {
    return `${this.#namespace}.${node}`;
  }
}
