/** Processes that keep the same projection of a long log do not each read all of it. */
import { expect, it } from "vitest";
import type { Engine } from "../../src/engine/engine.ts";
import { Projector } from "../../src/engine/reading/projector.ts";
import { NO_PREVIOUS, sealFrame } from "../../src/events/frame.ts";
import { runSummary } from "../../src/projections/run-summary.ts";
import { memoryPlace } from "../stores/places.ts";

/** So many that a copy is worth saving. */
const FRAMES = 2_500;

async function begin(engine: Engine, name: string, count: number): Promise<void> {
  const created = {
    type: "run.created",
    at: 1,
    workflow: "flow",
    content: "",
    input: { json: null },
  };
  const frame = {
    commit: "c",
    writer: { node: "n", epoch: 0 },
    at: 1,
    seq: 1,
    inbox: 0,
    events: [{ ...created, plan: null } as never],
  };
  for (let nth = 0; nth < count; nth++) {
    const run = `${name}-${nth}`;
    const { bytes } = sealFrame(run, NO_PREVIOUS, frame);
    await engine.store.log.append({ workflow: "flow", run, expected: 0, bytes });
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
