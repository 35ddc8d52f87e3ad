/** Facts about the server for `doctor`, as far as it tells them to a client. */
import type { JetStreamManager, StreamInfo } from "@nats-io/jetstream";
import type { Link } from "./link.ts";
import { type LogPart, subjectsOf } from "./subjects.ts";
import { jetStreamAccount } from "./suitability.ts";

const ANSWER_MS = 5_000;
const NOTE =
  "What was acknowledged survives a killed server. After a power cut up to sync_interval of it may " +
  "be missing; the server does not tell clients that setting (default 2m): see its configuration.";

/** JSON only; sizes in bytes, -1 where the server sets no limit. */
export async function describeServer(
  link: Link,
  manager: JetStreamManager,
  namespace: string,
  parts: readonly LogPart[],
): Promise<Readonly<Record<string, unknown>>> {
  const { info } = link.connection;
  const account = await jetStreamAccount(link, ANSWER_MS);
  const streams = await Promise.all(
    parts.map((part) => manager.streams.info(subjectsOf(namespace, part).streams.log)),
  );
  const [first] = streams;
  return {
    server: {
      version: info?.version ?? "unknown",
      apiLevel: info?.api_lvl ?? 0,
      name: info?.server_name ?? "unknown",
      cluster: info?.cluster ?? null,
      address: link.connection.getServer(),
      maxMessageBytes: info?.max_payload ?? 0,
    },
    jetstream: {
      limits: account.limits,
      streams: account.streams,
      consumers: account.consumers,
      storageBytes: account.storage,
      memoryBytes: account.memory,
    },
    namespace,
    log: logOf(streams),
    durability: {
      storage: first?.config.storage ?? "unknown",
      replicas: Math.min(...streams.map(({ config }) => config.num_replicas)),
      persistMode: first?.config.persist_mode ?? "default",
      syncInterval: null,
      note: NOTE,
    },
  };
}

/** The log over all of its streams; what lies in a partition is told by its own. */
function logOf(streams: readonly StreamInfo[]): Readonly<Record<string, unknown>> {
  const sum = (of: (info: StreamInfo) => number): number =>
    streams.reduce((total, info) => total + of(info), 0);
  const partitions = streams.length;
  const places = streams.map(({ state }, nth) =>
    state.last_seq === 0 ? 0 : state.last_seq * partitions + nth,
  );
  const leaders = new Set(streams.flatMap(({ cluster }) => cluster?.leader ?? []));
  return {
    stream: streams.map(({ config }) => config.name).join(" "),
    partitions,
    frames: sum(({ state }) => state.messages),
    bytes: sum(({ state }) => state.bytes),
    lastPosition: partitions === 1 ? places[0] : places.join("."),
    runs: sum(({ state }) => state.num_subjects ?? 0),
    leader: leaders.size === 0 ? null : [...leaders].join(" "),
  };
}
