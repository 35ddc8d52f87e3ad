/**
 * Node mail in both directions. What is said to one node within a turn of the event loop goes as one
 * letter, and letters arrive in the order in which they were written.
 */
import type { Resources } from "../cluster/resources.ts";
import { limits } from "../kernel/limits.ts";
import { addressOfNode } from "../ports/inbox.ts";
import type { Engine } from "./engine.ts";
import { followInbox } from "./follow-inbox.ts";
import { unattended } from "./leave.ts";
import { decodeLetter, encodeLetter, type Letter, type NodeMail } from "./node-mail.ts";

/** What an office needs. */
export interface OfficeOptions {
  readonly engine: Engine;
  /** What this node has free now. */
  free(): Resources;
  /** A letter has come. */
  onLetter(letter: Letter): void;
}

/** Taken letters are removed from the inbox once there are so many. */
const DISCARD_EVERY = 100;

/** Writes to other nodes, and reads what they write to this one. */
export class PostOffice {
  readonly #options: OfficeOptions;
  /** Unsent mails by node; a node that is being written to has an entry. */
  readonly #waiting = new Map<string, NodeMail[]>();
  #taken = 0;
  #letters = 0;
  #unwatch: (() => void) | undefined;
  #closed = false;

  constructor(options: OfficeOptions) {
    this.#options = options;
  }

  /**
   * Begins to read. What was written to an earlier process of this id is thrown away: it concerns nobody
   * any more.
   */
  async open(): Promise<void> {
    if (this.#unwatch !== undefined) return;
    const { engine, onLetter } = this.#options;
    const { inbox } = engine.store;
    const own = addressOfNode(engine.node);
    this.#taken = (await inbox.read(own, 0)).at(-1)?.position ?? 0;
    await inbox.discard(own, this.#taken);
    await followInbox(inbox, own, {
      taken: () => this.#taken,
      take: ({ position, bytes }) => {
        if (position <= this.#taken || this.#closed) return;
        this.#taken = position;
        this.#discardLater();
        const letter = decodeLetter(bytes);
        if (letter !== undefined) onLetter(letter);
      },
      fail: (error) => this.#options.engine.logger.warn("reading anew", { error: String(error) }),
      onWatch: (unwatch) => {
        this.#unwatch = unwatch;
      },
    });
  }

  /** Says it to the node, in a letter with all else that is said to it now. */
  tell(node: string, mail: NodeMail): void {
    const waiting = this.#waiting.get(node);
    if (waiting !== undefined) {
      waiting.push(mail);
      return;
    }
    this.#waiting.set(node, [mail]);
    unattended(this.#options.engine, { node }, this.#send(node));
  }

  /** Resolves when all that was said is written. */
  async flushed(): Promise<void> {
    while (this.#waiting.size > 0) await this.#options.engine.world.clock.turn();
  }

  /** Reads nothing more. */
  close(): void {
    this.#closed = true;
    this.#unwatch?.();
  }

  /** Throws away what a node that is gone has not read. */
  async clear(node: string): Promise<void> {
    const { inbox } = this.#options.engine.store;
    const address = addressOfNode(node);
    const last = (await inbox.read(address, 0)).at(-1);
    if (last !== undefined) await inbox.discard(address, last.position);
  }

  async #send(node: string): Promise<void> {
    const { engine, free } = this.#options;
    try {
      for (;;) {
        // What is said in this turn goes together.
        await engine.world.clock.turn();
        const mails = this.#next(node);
        if (mails.length === 0) return;
        const letter = { from: engine.node, free: free(), mails };
        await engine.store.inbox.post(addressOfNode(node), encodeLetter(letter));
      }
    } finally {
      // Nothing can have been said since the look that found nothing.
      this.#waiting.delete(node);
    }
  }

  /** As many of the waiting mails as fit into one letter. */
  #next(node: string): readonly NodeMail[] {
    const waiting = this.#waiting.get(node) ?? [];
    let bytes = 0;
    let count = 0;
    for (; count < waiting.length && bytes < limits.frameBytesTarget; count++) {
      bytes += JSON.stringify(waiting[count]).length;
    }
    return waiting.splice(0, count);
  }

  #discardLater(): void {
    if (++this.#letters % DISCARD_EVERY !== 0) return;
    const { engine } = this.#options;
    const discarded = engine.store.inbox.discard(addressOfNode(engine.node), this.#taken);
    unattended(engine, { node: engine.node }, discarded);
  }
}
