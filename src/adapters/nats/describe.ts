/** Facts about the server for `doctor`, as far as it tells them to a client. */
import type { JetStreamManager } from "@nats-io/jetstream";
import type { Link } from "./link.ts";
import type { Streams } from "./subjects.ts";
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
  streams: Streams,
): Promise<Readonly<Record<string, unknown>>> {
  const { info } = link.connection;
  const account = await jetStreamAccount(link, ANSWER_MS);
  const { config, state, cluster } = await manager.streams.info(streams.log);
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
    log: {
      stream: streams.log,
      frames: state.messages,
      bytes: state.bytes,
      lastPosition: state.last_seq,
      runs: state.num_subjects ?? 0,
      leader: cluster?.leader ?? null,
    },
    durability: {
      storage: config.storage,
      replicas: config.num_replicas,
      persistMode: config.persist_mode ?? "default",
      syncInterval: null,
      note: NOTE,
    },
  };
}
