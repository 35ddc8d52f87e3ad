/**
 * The node registry on a key-value bucket in memory: a heartbeat is a message that expires. Whether
 * a process lives is asked at the process itself: every one answers on its own subject, and the
 * server says at once when nobody does.
 */
import type { Msg, Subscription } from "@nats-io/transport-node";
import { limits } from "../../kernel/limits.ts";
import type { NodeInfo, NodeListener, NodeRegistry } from "../../ports/node-registry.ts";
import { Away, storedOf } from "./answers.ts";
import { history } from "./history.ts";
import { type Ask, closed, type Link } from "./link.ts";
import type { Headers } from "./requests.ts";
import { nameOf, type Subjects } from "./subjects.ts";

/** Longer than a process needs that can answer at all; ends a question in flight when it dies. */
const ALIVE_TIMEOUT_MS = 500;
/** After the connection came back others may be on their way still: silence means nothing. */
const RETURN_MS = 2_000;

const heartbeat: Headers = { "Nats-TTL": [`${Math.ceil(limits.nodeGoneMs / 1_000)}s`] };
const farewell: Headers = {
  "KV-Operation": ["PURGE"],
  "Nats-Rollup": ["sub"],
  "Nats-TTL": ["1s"],
};

/** What the registry is made of. */
export interface RegistryOptions {
  /** The id under which this process answers. */
  readonly node: string;
  /** Makes the bucket again after it was lost: nothing in it is needed. */
  readonly restore: () => Promise<void>;
}

/** Resolves when others find this process alive. */
export async function natsNodeRegistry(
  writing: Link,
  reading: Link,
  subjects: Subjects,
  options: RegistryOptions,
): Promise<NodeRegistry> {
  const answering = reading.connection.subscribe(subjects.node(options.node), {
    // A refused subscription ends it: this process then counts as gone, and its leases protect it.
    callback: (error, msg) => void (error ?? msg.respond()),
  });
  await reading.synced();
  return new NatsNodeRegistry(writing, reading, subjects, options, answering);
}

class NatsNodeRegistry implements NodeRegistry {
  readonly #writing: Link;
  readonly #reading: Link;
  readonly #subjects: Subjects;
  readonly #restore: () => Promise<void>;
  readonly #answering: Subscription;
  readonly #announced = new Set<string>();
  readonly #watching = new Set<Subscription>();
  #closed = false;

  constructor(
    writing: Link,
    reading: Link,
    subjects: Subjects,
    options: RegistryOptions,
    answering: Subscription,
  ) {
    this.#writing = writing;
    this.#reading = reading;
    this.#subjects = subjects;
    this.#restore = options.restore;
    this.#answering = answering;
  }

  async announce(info: NodeInfo): Promise<void> {
    const ask = this.#ask(`announce node ${info.id}`);
    this.#announced.add(info.id);
    await this.#say(ask, info.id, JSON.stringify(info), heartbeat);
  }

  async withdraw(id: string): Promise<void> {
    const ask = this.#ask(`withdraw node ${id}`);
    this.#announced.delete(id);
    await this.#say(ask, id, "", farewell);
  }

  async list(): Promise<readonly NodeInfo[]> {
    const ask = this.#ask("list the nodes");
    const { nodes } = this.#subjects.streams;
    const [subject = ">"] = this.#subjects.all.nodes;
    const infos: NodeInfo[] = [];
    for await (const { bytes } of history(this.#reading, ask, { stream: nodes, subject, after: 0 }))
      infos.push(...infoIn(bytes));
    return infos;
  }

  async alive(id: string): Promise<boolean> {
    this.#ask(`ask node ${id}`);
    const options = { timeoutMs: ALIVE_TIMEOUT_MS };
    const reply = await this.#writing.requests.send(this.#subjects.node(id), "", options);
    if (!("none" in reply) || reply.none !== "no responders") return true;
    return this.#writing.msSinceReturn < RETURN_MS;
  }

  /** Hears what is published, stored or not: it is soon followed by more of it. */
  async watch(listener: NodeListener): Promise<() => void> {
    this.#ask("watch the nodes");
    const heard = this.#reading.connection.subscribe(this.#subjects.nodeKeys, {
      // Who may not listen hears nothing, and lists now and then like everybody.
      callback: (error, msg) => void (error ?? tell(listener, msg)),
    });
    this.#watching.add(heard);
    await this.#reading.synced();
    return () => {
      heard.unsubscribe();
      this.#watching.delete(heard);
    };
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    for (const heard of [this.#answering, ...this.#watching]) heard.unsubscribe();
    // Those that cannot be withdrawn now, because the server is away, expire by themselves.
    const ids = [...this.#announced];
    const says = ids.map((id) =>
      this.#writing.requests.send(this.#subjects.nodeKey(id), "", { headers: farewell }),
    );
    this.#closed = true;
    await Promise.all(says);
  }

  async #say(ask: Ask, id: string, body: string, headers: Headers): Promise<void> {
    const key = this.#subjects.nodeKey(id);
    await this.#writing.insist(ask, async () => {
      const stored = storedOf(await this.#writing.requests.send(key, body, { headers }));
      return stored instanceof Away ? stored : true;
    });
  }

  #ask(what: string): Ask {
    if (this.#closed) throw closed("node registry");
    return { what, stream: this.#subjects.streams.nodes, restore: this.#restore };
  }
}

function tell(listener: NodeListener, { subject, data, headers }: Msg): void {
  if (headers?.get("KV-Operation") === "PURGE") listener.left(nameOf(subject));
  for (const info of infoIn(data)) listener.said(info);
}

/** Nothing in what is left of a node that withdrew or expired, nor in what others put there. */
function infoIn(bytes: Uint8Array): readonly NodeInfo[] {
  if (bytes.length === 0) return [];
  try {
    return [JSON.parse(Buffer.from(bytes).toString()) as NodeInfo];
  } catch (error) {
    if (error instanceof SyntaxError) return [];
    throw error;
  }
}
