/**
 * The inbox on a JetStream stream: one subject per run. Watchers hear the republished copies, which
 * carry the stored sequence; a plain subscription would also see posts that were refused.
 */
import type { Ids } from "../../kernel/ids.ts";
import type { Position } from "../../ports/event-log.ts";
import type { Inbox, StoredInput } from "../../ports/inbox.ts";
import { Away, storedOf } from "./answers.ts";
import { ownBytes, type StoredMessage } from "./direct-get.ts";
import { beyond, history } from "./history.ts";
import { type Ask, closed, type Link } from "./link.ts";
import { type Copy, Live } from "./live.ts";
import { purge } from "./purge.ts";
import type { Subjects } from "./subjects.ts";

/** What the inbox is made of. */
export interface InboxParts {
  /** The connection that posts. */
  readonly writing: Link;
  /** The connection that reads and watches. */
  readonly reading: Link;
  readonly subjects: Subjects;
  readonly ids: Ids;
  /** Is the stream kept by several servers? Then one that answers may be behind. */
  readonly replicated: boolean;
}

export const natsInbox = (parts: InboxParts): Inbox => new NatsInbox(parts);

class NatsInbox implements Inbox {
  readonly #writing: Link;
  readonly #reading: Link;
  readonly #subjects: Subjects;
  readonly #ids: Ids;
  readonly #replicated: boolean;
  readonly #live: Live;
  readonly #watches = new Set<() => void>();
  #closed = false;

  constructor({ writing, reading, subjects, ids, replicated }: InboxParts) {
    this.#writing = writing;
    this.#reading = reading;
    this.#subjects = subjects;
    this.#ids = ids;
    this.#replicated = replicated;
    this.#live = new Live(reading);
  }

  async post(run: string, bytes: Uint8Array): Promise<Position> {
    const ask = this.#ask(`post to run ${run}`);
    const subject = this.#subjects.inputs(run);
    // No revision protects a post that is sent again; its id does, while the server knows it.
    const headers = { "Nats-Msg-Id": [this.#ids()] };
    return this.#writing.insist(ask, async () => {
      const stored = storedOf(await this.#writing.requests.send(subject, bytes, { headers }));
      if (stored instanceof Away) return stored;
      return "seq" in stored ? stored.seq : new Away("busy");
    });
  }

  async read(run: string, after: Position): Promise<readonly StoredInput[]> {
    const ask = this.#ask(`read the inbox of run ${run}`);
    const { streams, ...names } = this.#subjects;
    const range = { stream: streams.inbox, subject: names.inputs(run), after };
    const inputs: StoredInput[] = [];
    const take = ({ seq, bytes }: StoredMessage) => inputs.push({ position: seq, bytes });
    for await (const message of history(this.#reading, ask, range)) take(message);
    if (!this.#replicated) return inputs;
    // Whoever lets a run go looks whether something came in between: a replica may not know it yet.
    const rest = { ...range, after: inputs.at(-1)?.position ?? after };
    for await (const message of beyond(this.#reading, ask, rest)) take(message);
    return inputs;
  }

  async watch(
    run: string,
    onInput: (input: StoredInput) => void,
    onGap: () => void,
  ): Promise<() => void> {
    this.#ask(`watch run ${run}`);
    let last: Position | undefined;
    const hear = ({ seq, previous, bytes }: Copy): void => {
      if (last !== undefined && previous > last) onGap();
      last = seq;
      onInput({ position: seq, bytes: ownBytes(bytes) });
    };
    const silence = await this.#live.listen(this.#subjects.liveInputs(run), hear);
    const forget = this.#reading.onReconnect(onGap);
    const stop = (): void => {
      forget();
      silence();
      this.#watches.delete(stop);
    };
    this.#watches.add(stop);
    return stop;
  }

  async discard(run: string, upTo: Position): Promise<void> {
    const ask = this.#ask(`discard inputs of run ${run}`);
    if (upTo <= 0) return;
    const { streams, ...names } = this.#subjects;
    const taken = { filter: names.inputs(run), seq: upTo + 1 };
    await this.#writing.insist(ask, () => purge(this.#writing, streams.inbox, taken));
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const stop of [...this.#watches]) stop();
  }

  #ask(what: string): Ask {
    if (this.#closed) throw closed("inbox");
    return { what, stream: this.#subjects.streams.inbox };
  }
}
