/**
 * Node mail in both directions. What is said to one node within a turn of the event loop goes as one
 * letter, and letters arrive in the order in which they were written.
 */
import type { Resources } from "../../cluster/resources.ts";
import { limits } from "../../kernel/limits.ts";
import { addressOfNode } from "../../ports/inbox.ts";
import type { Engine } from "../engine.ts";
import { unattended } from "../hosting/leave.ts";
import { followInbox } from "../turn/follow-inbox.ts";
import { decodeLetter, encodeLetter, type Letter, type NodeMail } from "./node-mail.ts";
import { untilDone } from "./until-done.ts";

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
  readonly #sending = new Set<Promise<void>>();
  #taken = 0;
  #letters = 0;
  #opening: Promise<void> | undefined;
  /** Which reading counts: one that has failed may still hand something over, out of order. */
  #reading = 0;
  #unwatch: () => void = () => undefined;
  /** What was written to an earlier process of this id has been thrown away. */
  #begun = false;
  /** What cannot be written at once is not written any more. */
  #ending = false;
  #closed = false;

  constructor(options: OfficeOptions) {
    this.#options = options;
  }

  /** Reads from now on. To be called again and again: if reading has failed, it goes on where that was. */
  open(): Promise<void> {
    this.#opening ??= this.#read().catch((error: unknown) => {
      this.#readAnew();
      throw error;
    });
    return this.#opening;
  }

  #readAnew(): void {
    this.#reading++;
    this.#unwatch();
    this.#unwatch = () => undefined;
    this.#opening = undefined;
  }

  async #read(): Promise<void> {
    const { engine, onLetter } = this.#options;
    const { inbox } = engine.store;
    const own = addressOfNode(engine.node);
    const reading = this.#reading;
    const isOver = (): boolean => this.#closed || reading !== this.#reading;
    // What was written to an earlier process of this id concerns nobody any more.
    if (!this.#begun) this.#taken = (await inbox.read(own, 0)).at(-1)?.position ?? 0;
    this.#begun = true;
    await inbox.discard(own, this.#taken);
    await followInbox(inbox, own, {
      taken: () => this.#taken,
      take: ({ position, bytes }) => {
        if (position <= this.#taken || isOver()) return;
        this.#taken = position;
        this.#discardLater();
        const letter = decodeLetter(bytes);
        if (letter !== undefined) onLetter(letter);
      },
      fail: (error) => {
        engine.logger.warn("reading anew", { error: String(error) });
        if (!isOver()) this.#readAnew();
      },
      onWatch: (unwatch) => {
        if (isOver()) unwatch();
        else this.#unwatch = unwatch;
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
    const sending = this.#send(node).finally(() => this.#sending.delete(sending));
    this.#sending.add(sending);
    unattended(this.#options.engine, { node }, sending);
  }

  /** The node is gone: what it was to be told concerns nobody any more. */
  forget(node: string): void {
    this.#waiting.get(node)?.splice(0);
  }

  /** Resolves when all that was said is written, or could not be. */
  async flushed(): Promise<void> {
    this.#ending = true;
    // Whatever goes wrong is told there.
    while (this.#sending.size > 0) await Promise.allSettled(this.#sending);
  }

  /** Reads nothing more. */
  close(): void {
    this.#closed = true;
    this.#unwatch();
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
        const bytes = encodeLetter({ from: engine.node, free: free(), mails });
        const post = (): Promise<unknown> => engine.store.inbox.post(addressOfNode(node), bytes);
        await untilDone(engine, { node }, post, () => !this.#ending);
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
