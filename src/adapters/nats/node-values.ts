/**
 * Values that live on nodes, over the wire: whoever wants one asks the node that has it, piece by
 * piece, a few questions ahead of what has been read. So it is the reader who sets the pace.
 *
 *   request   mr.<namespace>.node.<node>.values   {"digest", "at"}
 *   answer    1 byte: 1 = here, 0 = not here · 6 bytes: size of the whole value · its bytes from `at` on
 */

import { open } from "node:fs/promises";
import type { Msg, Subscription } from "@nats-io/transport-node";
import { awaitedLater } from "../../kernel/async.ts";
import type { MillraceError } from "../../kernel/errors.ts";
import { checkId, type Ids } from "../../kernel/ids.ts";
import type { KeptValue, NodeValues } from "../../ports/node-values.ts";
import { nodeGone } from "../node-gone.ts";
import {
  PIECE_BYTES,
  piecesOf,
  temporaryParent,
  unlessMissing,
  ValueFolder,
} from "../value-folder.ts";
import { messageOf } from "./answers.ts";
import { closed, type Link } from "./link.ts";
import type { Subjects } from "./subjects.ts";

/** Pieces that are under way to a reader: what it may hold at most. */
const AHEAD = 4;
/** A node that did not answer so often, each time within the time for a request, counts as gone. */
const SILENCES = 3;
/** After the connection came back others may still be on their way back. */
const RETURN_MS = 2_000;
const HEAD_BYTES = 7;

interface Piece {
  /** Of the whole value. */
  readonly size: number;
  readonly bytes: Uint8Array;
}

/** Resolves when others can ask this process. */
export async function natsNodeValues(
  link: Link,
  subjects: Subjects,
  { node, ids }: { readonly node: string; readonly ids: Ids },
): Promise<NodeValues> {
  const values = new NatsNodeValues(link, subjects, node, ids);
  await link.synced();
  return values;
}

class NatsNodeValues implements NodeValues {
  readonly #link: Link;
  readonly #subjects: Subjects;
  readonly #node: string;
  readonly #folder: ValueFolder;
  readonly #answering: Subscription;
  #closed = false;

  constructor(link: Link, subjects: Subjects, node: string, ids: Ids) {
    this.#link = link;
    this.#subjects = subjects;
    this.#node = node;
    this.#folder = new ValueFolder(temporaryParent(), node, ids);
    this.#answering = link.connection.subscribe(this.#subject(node), {
      // Without the permission to listen nobody can ask: to the others this node has nothing.
      callback: (error, msg) => void (error ?? this.#answer(msg)),
    });
  }

  keep(pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<KeptValue> {
    return this.#folder.keep(pieces);
  }

  async read(node: string, digest: string): Promise<AsyncIterable<Uint8Array> | undefined> {
    this.#check();
    if (node === this.#node) {
      const path = await this.#folder.find(digest);
      const lost = (): MillraceError => nodeGone(node, "dropped the value");
      return path === undefined ? undefined : piecesOf(path, lost);
    }
    const first = await this.#ask(checkId("node id", node), digest, 0);
    return first && this.#pieces(node, digest, first);
  }

  drop(digest: string): Promise<boolean> {
    return this.#folder.drop(digest);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#answering.unsubscribe();
    await this.#folder.close();
  }

  async *#pieces(
    node: string,
    digest: string,
    first: Piece,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const { size } = first;
    const asked: Promise<Piece | undefined>[] = [];
    let next = first.bytes.length;
    yield first.bytes;
    for (;;) {
      for (; asked.length < AHEAD && next < size; next += PIECE_BYTES) {
        // Nobody may read on.
        asked.push(awaitedLater(this.#ask(node, digest, next)));
      }
      const waiting = asked.shift();
      if (waiting === undefined) return;
      const piece = await waiting;
      if (piece === undefined) throw nodeGone(node, "has dropped the value while it was read");
      yield piece.bytes;
    }
  }

  /** Undefined when the node says that it does not have the value. */
  async #ask(node: string, digest: string, at: number): Promise<Piece | undefined> {
    const ask = { what: `fetch a value from node ${node}`, stream: this.#subjects.streams.log };
    const body = JSON.stringify({ digest, at });
    let silences = 0;
    const answer = await this.#link.insist<Msg | string>(ask, async () => {
      this.#check();
      const reply = await this.#link.requests.send(this.#subject(node), body);
      if ("none" in reply && reply.none === "timeout" && ++silences >= SILENCES) {
        return "does not answer";
      }
      if ("none" in reply && reply.none === "no responders") {
        if (this.#link.msSinceReturn >= RETURN_MS) return "is gone";
      }
      return messageOf(reply);
    });
    if (typeof answer === "string") throw nodeGone(node, answer);
    const head = Buffer.from(answer.data.buffer, answer.data.byteOffset, answer.data.byteLength);
    if (head.length < HEAD_BYTES || head[0] === 0) return undefined;
    return { size: head.readUIntBE(1, 6), bytes: answer.data.slice(HEAD_BYTES) };
  }

  /** What cannot be read is not here: the one who asks then computes the value again. */
  #answer(msg: Msg): void {
    const { reply } = msg;
    if (reply === undefined) return;
    const nothing = (): Uint8Array => new Uint8Array(HEAD_BYTES);
    void this.#piece(msg)
      .catch(nothing)
      .then((answer) => this.#link.tell(reply, answer));
  }

  async #piece(msg: Msg): Promise<Uint8Array> {
    const { digest, at } = msg.json<{ readonly digest: string; readonly at: number }>();
    const path = await this.#folder.find(digest);
    const file = path && (await unlessMissing(open(path, "r")));
    if (!file) return new Uint8Array(HEAD_BYTES);
    try {
      const { size } = await file.stat();
      const answer = Buffer.alloc(HEAD_BYTES + Math.min(PIECE_BYTES, Math.max(0, size - at)));
      answer.writeUInt8(1, 0);
      answer.writeUIntBE(size, 1, 6);
      await file.read(answer, HEAD_BYTES, answer.length - HEAD_BYTES, at);
      return answer;
    } finally {
      await file.close();
    }
  }

  #subject(node: string): string {
    return `${this.#subjects.node(node)}.values`;
  }

  #check(): void {
    if (this.#closed) throw closed("values of the node");
  }
}
