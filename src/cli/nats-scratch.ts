/** Scratch namespaces on a NATS server: one per place, and all their streams deleted again. */
import { JetStreamApiError, type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import { connectTo } from "../adapters/nats/connect.ts";
import { subjectsOf } from "../adapters/nats/subjects.ts";
import { openStore } from "../runtime/open-store.ts";
import type { Scratch, ScratchOptions, ScratchPlace } from "./scratch.ts";

/** The server's "stream not found". */
const STREAM_NOT_FOUND = 10_059;

/**
 * Places on the server at `url`, in namespaces that begin with `name`.
 * @throws MillraceError `E_STORE_UNAVAILABLE`, `E_SERVER_UNSUITABLE`
 */
export async function natsScratch(
  url: string,
  name: string,
  { world, leaseMs }: ScratchOptions,
): Promise<Scratch> {
  const connection = await connectTo(url, {}, "millrace doctor", world);
  const manager = await jetstreamManager(connection);
  const left = new Set<string>();
  let places = 0;
  const destroy = async (namespace: string): Promise<void> => {
    await deleteStreams(manager, namespace);
    left.delete(namespace);
  };
  const place = async (): Promise<ScratchPlace> => {
    const namespace = `${name}-${++places}`;
    left.add(namespace);
    return {
      capabilities: ["durable", "shared"],
      open: (node = "node-1") => openStore(url, { namespace, node, leaseMs, world }),
      destroy: () => destroy(namespace),
    };
  };
  return {
    where: `namespaces ${name}-… (streams MR_${name}-…)`,
    place,
    async remove() {
      try {
        for (const namespace of left) await destroy(namespace);
      } finally {
        await connection.close();
      }
    },
  };
}

/** Deletes a namespace with everything in it; a stream that was never made is no fault. */
async function deleteStreams(manager: JetStreamManager, namespace: string): Promise<void> {
  for (const stream of Object.values(subjectsOf(namespace).streams)) {
    try {
      await manager.streams.delete(stream);
    } catch (error) {
      if (!(error instanceof JetStreamApiError && error.code === STREAM_NOT_FOUND)) throw error;
    }
  }
}
