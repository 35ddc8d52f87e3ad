/** Processes that keep the same projection of a long log do not each read all of it. */
import { expect, it } from "vitest";
import type { Engine } from "../../src/engine/engine.ts";
import { Projector } from "../../src/engine/reading/projector.ts";
import { runSummary } from "../../src/projections/run-summary.ts";
import { beginDriven } from "../../src/stores/driven-run.ts";
import { storeNode } from "../stores/outputs-kit.ts";
import { memoryPlace } from "../stores/places.ts";

/** So many that a copy is worth saving. */
const FRAMES = 2_100;

async function begin(engine: Engine, name: string, count: number): Promise<void> {
  const { journal } = storeNode(engine);
  for (let nth = 0; nth < count; nth++) {
    await beginDriven(journal, engine, `${name}-${nth}`, { workflow: "flow" });
  }
}

/** From now on says how many frames were read through the engine. */
function counting({ store: { log } }: Engine): () => number {
  let frames = 0;
  const read = log.read.bind(log);
  log.read = async function* (range) {
    for await (const frame of read(range)) {
      frames++;
      yield frame;
    }
  };
  return () => frames;
}

it("who is far behind goes on from the copy that another has saved, and knows the same", async () => {
  const place = await memoryPlace();
  const [one, other] = [await place.open("one"), await place.open("other")];
  const [readByOne, readByOther] = [counting(one), counting(other)];
  const [first, second] = [new Projector(one, runSummary), new Projector(other, runSummary)];
  await begin(one, "early", 10);
  await second.current();
  await begin(one, "later", FRAMES);
  await first.current();
  await begin(one, "last", 5);
  const view = await second.current();
  expect(readByOne()).toBe(10 + FRAMES);
  expect(readByOther()).toBe(10 + 5);
  expect(view).toEqual(await first.current());
  expect(view.size).toBe(10 + FRAMES + 5);
  await place.destroy();
});
