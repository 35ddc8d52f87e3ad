/**
 * Large values in the namespace's object store. Written through the client library; read by direct
 * get, because the library makes a consumer for every reading and leaves it to the server to notice
 * that it is not needed any more.
 */
import type { ObjectInfo, ObjectStore } from "@nats-io/obj";
import { calling } from "./client-call.ts";
import { history } from "./history.ts";
import type { Ask, Link } from "./link.ts";
import type { Subjects } from "./subjects.ts";

/** Larger parts are quicker; the server's limit for a message, by default 1 MiB, bounds them. */
const CHUNK_BYTES = 512 * 1024;

/** An object of the object store as it is kept: its pieces and their digest. */
export interface StoredObject {
  readonly bytes: Uint8Array;
  readonly metadata: Readonly<Record<string, string>>;
}

export class Objects {
  readonly #link: Link;
  readonly #store: ObjectStore;
  readonly #subjects: Subjects;

  constructor(link: Link, store: ObjectStore, subjects: Subjects) {
    this.#link = link;
    this.#store = store;
    this.#subjects = subjects;
  }

  /** The stream that holds them. */
  get stream(): string {
    return this.#subjects.streams.blobs;
  }

  /**
   * Puts an object if `wanted` says so of the one that is there, as one step: if another process
   * puts one meanwhile, `wanted` is asked again.
   */
  async put(
    ask: Ask,
    name: string,
    value: StoredObject,
    wanted: (present: ObjectInfo | undefined) => boolean,
  ): Promise<boolean> {
    return calling(this.#link, ask, async () => {
      const info = await this.#store.info(name);
      if (!wanted(info?.deleted ? undefined : (info ?? undefined))) return false;
      await this.#store.putBlob(
        { name, metadata: value.metadata, options: { max_chunk_size: CHUNK_BYTES } },
        value.bytes,
        { previousRevision: info?.revision ?? 0 },
      );
      return true;
    });
  }

  async info(ask: Ask, name: string): Promise<ObjectInfo | undefined> {
    const info = await calling(this.#link, ask, () => this.#store.info(name));
    return info === null || info.deleted ? undefined : info;
  }

  /** The whole object; undefined when there is none, or it was removed while it was read. */
  async get(ask: Ask, name: string): Promise<StoredObject | undefined> {
    const info = await this.info(ask, name);
    if (info === undefined) return undefined;
    const bytes = new Uint8Array(info.size);
    const range = { stream: this.stream, subject: this.#subjects.chunks(info.nuid), after: 0 };
    let at = 0;
    for await (const chunk of history(this.#link, ask, range)) {
      bytes.set(chunk.bytes.subarray(0, bytes.length - at), at);
      at += chunk.bytes.length;
    }
    return at === info.size ? { bytes, metadata: info.metadata ?? {} } : undefined;
  }

  async delete(ask: Ask, name: string): Promise<boolean> {
    if ((await this.info(ask, name)) === undefined) return false;
    await calling(this.#link, ask, () => this.#store.delete(name));
    return true;
  }
}
