/** Scratch namespaces on a NATS server: one per place, and all their streams deleted again. */
import { namespaceRemover } from "../adapters/nats/remove-namespace.ts";
import { openStore } from "../runtime/open-store.ts";
import type { Scratch, ScratchOptions, ScratchPlace } from "./scratch-place.ts";

/**
 * Places on the server at `url`, in namespaces that begin with `name`.
 * @throws MillraceError `E_STORE_UNAVAILABLE`, `E_SERVER_UNSUITABLE`
 */
export async function natsScratch(
  url: string,
  name: string,
  { world, leaseMs, partitions }: ScratchOptions,
): Promise<Scratch> {
  const remover = await namespaceRemover(url, world);
  const left = new Set<string>();
  let places = 0;
  const destroy = async (namespace: string): Promise<void> => {
    await remover.remove(namespace);
    left.delete(namespace);
  };
  const place = async (): Promise<ScratchPlace> => {
    const namespace = `${name}-${++places}`;
    left.add(namespace);
    return {
      capabilities: ["durable", "shared"],
      partitions,
      open: (node = "node-1") => openStore(url, { namespace, node, leaseMs, world, partitions }),
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
        await remover.close();
      }
    },
  };
}
