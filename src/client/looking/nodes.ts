/** Which nodes there are, and what they have: what they announce, read by any process. */
import { checkResources, fits, type Resources } from "../../cluster/resources.ts";
import type { Engine } from "../../engine/engine.ts";
import { checkId } from "../../kernel/ids.ts";
import type { NodeInfo } from "../../ports/node-registry.ts";

/** See `Client.nodes`. */
export async function listNodes({ store }: Engine): Promise<readonly NodeInfo[]> {
  return [...(await store.nodes.list())].sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** See `Client.discoverNodes`. */
export async function discoverNodes(engine: Engine): Promise<ReadonlyMap<string, Resources>> {
  return new Map((await listNodes(engine)).map(({ id, resources }) => [id, resources]));
}

/** See `Client.resourcesAvailable`. */
export async function resourcesAvailable(
  { store }: Engine,
  node: string,
  request: Resources,
): Promise<boolean> {
  const id = checkId("node id", node);
  const wanted = checkResources("request", request);
  const found = (await store.nodes.list()).find((one) => one.id === id);
  return found !== undefined && !found.draining && fits(wanted, found.free);
}
