/** Removing a namespace from a server, with everything in it: for scratch namespaces. */
import { JetStreamApiError, type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import type { World } from "../../ports/store.ts";
import { connectTo } from "./connect.ts";
import { subjectsOf } from "./subjects.ts";

/** The server's "stream not found". */
const STREAM_NOT_FOUND = 10_059;

/** Deletes namespaces over a connection of its own; to be closed. */
export interface NamespaceRemover {
  /** Nothing of the namespace is left; a stream that was never made is no fault. */
  remove(namespace: string): Promise<void>;
  close(): Promise<void>;
}

/** @throws MillraceError `E_STORE_UNAVAILABLE`, `E_SERVER_UNSUITABLE`, `E_OPTION_INVALID` */
export async function namespaceRemover(url: string, world: World): Promise<NamespaceRemover> {
  const connection = await connectTo(url, {}, "millrace scratch", world);
  const manager = await jetstreamManager(connection);
  return {
    async remove(namespace) {
      const { streams } = subjectsOf(namespace);
      // The first stream of the log says that there are others: it goes last.
      for (const stream of [...(await logStreams(manager, namespace)), ...Object.values(streams)]) {
        try {
          await manager.streams.delete(stream);
        } catch (error) {
          if (!(error instanceof JetStreamApiError && error.code === STREAM_NOT_FOUND)) throw error;
        }
      }
    },
    close: () => connection.close(),
  };
}

/** The streams of the log's partitions, but for the first. */
async function logStreams(
  manager: JetStreamManager,
  namespace: string,
): Promise<readonly string[]> {
  const first = subjectsOf(namespace).streams.log;
  const found: string[] = [];
  for await (const stream of manager.streams.names(`mr.${namespace}.log.>`)) {
    if (stream !== first) found.push(stream);
  }
  return found;
}
