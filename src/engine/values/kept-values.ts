/**
 * What steps with `durability: "node"` return: kept on the node that made it, fetched from there or from any
 * other that has fetched it before.
 */
import type { KeptOnNode } from "../../../machines/values.ts";
import type { RunState } from "../../domain/state.ts";
import type { Json } from "../../kernel/json.ts";
import type { Engine } from "../engine.ts";
import { copiesOf, isLost, lost } from "./local-copies.ts";
import type { ValueSource } from "./values.ts";

/** Makes a value again that nobody has any more. */
export type MakeAgain = (value: KeptOnNode, state: RunState) => Promise<Json>;

/** Values as this process can read them. @param makeAgain absent: what nobody has is `E_VALUE_LOST` */
export function valuesOf(engine: Engine, makeAgain?: MakeAgain): ValueSource {
  return {
    get: (digest) => engine.store.blobs.get(digest),
    async kept(value, state) {
      const found = await fetched(engine, state.id, value);
      if (found !== undefined) return found;
      if (makeAgain !== undefined) return makeAgain(value, state);
      throw lost(value.node, value.kept, "does not have it, nor has any other node");
    },
  };
}

/** The value from here, from the node that made it, or from any other that is up; then it is here too. */
async function fetched(engine: Engine, run: string, value: KeptOnNode): Promise<Json | undefined> {
  const copies = copiesOf(engine);
  const here = await copies.read(value.kept);
  if (here !== undefined) return jsonIn(here);
  for (const node of await holders(engine, value)) {
    try {
      await copies.fetch(run, value.step, node, value.kept);
    } catch (error) {
      if (!isLost(error)) throw error;
      continue;
    }
    const copy = await copies.read(value.kept);
    if (copy !== undefined) return jsonIn(copy);
  }
  return undefined;
}

/** Other nodes, the one that made it first; who else has fetched it is not recorded, so all are asked. */
async function holders(engine: Engine, { node }: KeptOnNode): Promise<ReadonlySet<string>> {
  const up = (await engine.store.nodes.list()).map(({ id }) => id);
  const all = new Set([node, ...up]);
  all.delete(engine.node);
  return all;
}

/** The JSON whose text the pieces are. */
export async function jsonIn(pieces: AsyncIterable<Uint8Array>): Promise<Json> {
  const parts: Uint8Array[] = [];
  for await (const piece of pieces) parts.push(piece);
  return JSON.parse(Buffer.concat(parts).toString("utf8")) as Json;
}
