/** What another process has is said to that process: it alone decides what it admits. */
import { fits, type Resources } from "../../cluster/resources.ts";
import type { Engine } from "../../engine/engine.ts";
import { encodeLetter } from "../../engine/nodes/node-mail.ts";
import { pause } from "../../kernel/clock.ts";
import { MillraceError } from "../../kernel/errors.ts";
import { checkId } from "../../kernel/ids.ts";
import { limits } from "../../kernel/limits.ts";
import { addressOfNode } from "../../ports/inbox.ts";
import { listNodes } from "../looking/nodes.ts";

/** How often the node is looked at (ms). */
const LOOK_MS = 20;

/** See `Millrace.registerNode`. */
export async function registerNode(
  engine: Engine,
  node: string,
  resources: Resources,
): Promise<void> {
  const { store, world } = engine;
  const id = checkId("node id", node);
  const deadline = world.clock.mono() + limits.askAnswerMs;
  const isThere = async (): Promise<boolean> => (await resourcesOf(engine, id)) !== undefined;
  if (!(await isThere())) throw gone(id, "is not there");
  const letter = encodeLetter({ from: engine.node, mails: [{ kind: "equip", resources }] });
  await store.inbox.post(addressOfNode(id), letter);
  for (;;) {
    const has = (await resourcesOf(engine, id)) ?? {};
    if (fits(resources, has) && fits(has, resources)) return;
    if (world.clock.mono() > deadline) {
      throw gone(id, `does not say within ${limits.askAnswerMs} ms that it has what it was told`);
    }
    await pause(world.clock, LOOK_MS);
  }
}

/** What the node says that it has, beside its slots; undefined: it is not there. */
async function resourcesOf(engine: Engine, id: string): Promise<Resources | undefined> {
  const found = (await listNodes(engine)).find((one) => one.id === id);
  if (found === undefined) return undefined;
  const { steps, ...has } = found.resources;
  return has;
}

const gone = (node: string, why: string): MillraceError =>
  new MillraceError("E_NODE_GONE", `node ${node} ${why}; \`millrace nodes\` lists those that are`, {
    details: { node },
  });
