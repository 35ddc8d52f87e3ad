/** The NATS backend: all ports over two connections to one server or cluster. */
import { type JetStreamManager, jetstream, jetstreamManager } from "@nats-io/jetstream";
import { Kvm } from "@nats-io/kv";
import { Objm } from "@nats-io/obj";
import type { Store, StoreOptions } from "../../ports/store.ts";
import { partitionedLog } from "../partitioned-log.ts";
import { natsBlobStore } from "./blob-store.ts";
import { CONNECT_TIMEOUT_MS, connectTo, type NatsAccess } from "./connect.ts";
import { describeServer } from "./describe.ts";
import { natsEventLog } from "./event-log.ts";
import { natsInbox } from "./inbox.ts";
import { Link } from "./link.ts";
import { logParts } from "./log-parts.ts";
import { natsNodeRegistry } from "./node-registry.ts";
import { natsNodeValues } from "./node-values.ts";
import { Objects } from "./objects.ts";
import { demandedLog, demandedStreams, ensureStream } from "./provision.ts";
import { type LogPart, type Streams, type Subjects, subjectsOf } from "./subjects.ts";
import { checkServer, jetStreamAccount } from "./suitability.ts";
import { natsViewStore } from "./view-store.ts";
import { natsWorkQueue } from "./work-queue.ts";

/** How to reach the server, and as whom. */
export interface NatsStoreOptions extends StoreOptions, NatsAccess {
  /** Copies of each stream that is made now, 1 to 5; default 1. Streams that exist keep theirs. */
  readonly replicas?: number;
}

/**
 * Opens the namespace on a NATS server with JetStream, 2.12 or newer, making what is missing.
 * @param url "nats://host:port"; several servers of one cluster separated by commas; credentials as
 *   "user:password@" or "token@" before the host, or in the options
 * @throws MillraceError `E_OPTION_INVALID`, `E_ID_INVALID` (namespace, node), `E_STORE_UNAVAILABLE`
 *   (no server within `connectTimeoutMs`), `E_SERVER_UNSUITABLE` (too old, without JetStream, or
 *   refuses the credentials), `E_STORE_DRIFT` (a stream was changed by hand, or the log has another number of
 *   partitions)
 */
export async function natsStore(url: string, options: NatsStoreOptions): Promise<Store> {
  const subjects = subjectsOf(options.namespace);
  subjects.node(options.node);
  const links: Link[] = [];
  try {
    const roles = ["writing", "reading"] as const;
    const opened = await Promise.allSettled(roles.map((role) => connected(url, options, role)));
    for (const one of opened) if (one.status === "fulfilled") links.push(one.value);
    for (const one of opened) if (one.status === "rejected") throw one.reason;
    const [writing, reading] = links;
    if (writing === undefined || reading === undefined) throw new Error("two links were opened");
    return await assemble(writing, reading, subjects, options);
  } catch (error) {
    await Promise.all(links.map((link) => link.close()));
    throw error;
  }
}

async function connected(
  url: string,
  options: NatsStoreOptions,
  role: "writing" | "reading",
): Promise<Link> {
  const { namespace, node, world, user, pass, token, authenticator, tls } = options;
  const { inboxPrefix, connectTimeoutMs } = options;
  const given = { user, pass, token, authenticator, tls, inboxPrefix, connectTimeoutMs };
  const access = Object.fromEntries(Object.entries(given).filter(([, value]) => value));
  const name = `millrace ${namespace} ${node} ${role}`;
  const connection = await connectTo(url, access, name, world);
  return new Link(connection, world.clock, world.random, inboxPrefix);
}

async function assemble(
  writing: Link,
  reading: Link,
  subjects: Subjects,
  options: NatsStoreOptions,
): Promise<Store> {
  const { namespace, node, leaseMs, world, connectTimeoutMs = CONNECT_TIMEOUT_MS } = options;
  checkServer(writing.connection.info);
  await jetStreamAccount(writing, connectTimeoutMs);
  const manager = await jetstreamManager(writing.connection, { checkAPI: false });
  const parts = await provisionLog(writing, manager, options);
  await provision(writing, manager, subjects, options);
  const { streams, buckets } = subjects;
  const restore = (kind: keyof Streams) => provision(writing, manager, subjects, options, [kind]);
  const client = jetstream(reading.connection);
  const bucket = await new Kvm(client).open(buckets.views, { allow_direct: true });
  const objects = new Objects(reading, await new Objm(client).open(buckets.blobs, false), subjects);
  const replicated = (await manager.streams.info(streams.work)).config.num_replicas > 1;
  const log = partitionedLog(
    parts.map((part) =>
      natsEventLog({ writing, reading, subjects: subjectsOf(namespace, part), replicated }),
    ),
  );
  const inbox = natsInbox({ writing, reading, subjects, ids: world.ids, replicated });
  const queue = natsWorkQueue({ writing, reading, subjects, leaseMs, replicated, restore });
  const blobs = natsBlobStore(objects);
  const views = natsViewStore(reading, {
    bucket,
    objects,
    stream: streams.views,
    restore: () => restore("views"),
  });
  const answering = { node, restore: () => restore("nodes") };
  const nodes = await natsNodeRegistry(writing, reading, subjects, answering);
  const values = await natsNodeValues(reading, subjects, { node, ids: world.ids });
  const closeAll = async (): Promise<void> => {
    await Promise.all([queue, nodes, log, inbox, blobs, views, values].map((port) => port.close()));
    await Promise.all([writing, reading].map((link) => link.close()));
  };
  let closing: Promise<void> | undefined;
  return {
    name: "nats",
    log,
    inbox,
    queue,
    nodes,
    blobs,
    views,
    values,
    describe: () => describeServer(writing, manager, namespace, parts),
    close: () => (closing ??= closeAll()),
  };
}

/** Makes and checks the streams of the log; gives its partitions. */
async function provisionLog(
  link: Link,
  manager: JetStreamManager,
  { namespace, partitions, replicas = 1, connectTimeoutMs = CONNECT_TIMEOUT_MS }: NatsStoreOptions,
): Promise<readonly LogPart[]> {
  const late = new AbortController();
  const cancel = link.clock.after(2 * connectTimeoutMs, () => late.abort());
  try {
    const parts = await logParts(link, manager, { namespace, partitions, signal: late.signal });
    const [first, ...others] = parts.map((part) => demandedLog(namespace, part));
    // The first says how many there are: of two who make the namespace at once, one goes no further.
    if (first) await ensureStream(link, manager, first, replicas, late.signal);
    await Promise.all(others.map((one) => ensureStream(link, manager, one, replicas, late.signal)));
    return parts;
  } finally {
    cancel();
  }
}

/** Makes and checks the other streams, all or those of these kinds. */
async function provision(
  link: Link,
  manager: JetStreamManager,
  subjects: Subjects,
  { namespace, replicas = 1, connectTimeoutMs = CONNECT_TIMEOUT_MS }: NatsStoreOptions,
  kinds: readonly (keyof Streams)[] = Object.keys(subjects.streams) as (keyof Streams)[],
): Promise<void> {
  const late = new AbortController();
  const cancel = link.clock.after(2 * connectTimeoutMs, () => late.abort());
  const names = new Set(kinds.map((kind) => subjects.streams[kind]));
  const demanded = demandedStreams(subjects, namespace).filter(({ name }) => names.has(name));
  const made = await Promise.allSettled(
    demanded.map((one) => ensureStream(link, manager, one, replicas, late.signal)),
  );
  cancel();
  for (const one of made) if (one.status === "rejected") throw one.reason;
}
