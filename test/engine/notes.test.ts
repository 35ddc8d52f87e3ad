/**
 * Notes from outside: others may add outputs, checkpoints and facts to a run without pause. Its host
 * goes on all the same, and nobody's numbers collide.
 */
import { expect, it } from "vitest";
import { Journal } from "../../src/engine/journal.ts";
import { plainCodec } from "../../src/events/frame.ts";
import { graph } from "../../src/index.ts";
import { silentLogger } from "../../src/kernel/logger.ts";
import { faulty } from "./kit/faulty.ts";
import { ALL_STORES, only, onStores, type Scene, sleep, world } from "./kit/scene.ts";

/** Folding a long log takes longer than an outsider takes for its next note. */
const longLog = faulty({
  log: (log) => ({
    async *read(range) {
      yield* log.read(range);
      if (range.run !== undefined && !range.after) await sleep(15);
    },
  }),
});

/** A process that writes to a run as fast as it can, until it is told to stop. */
async function outsider(scene: Scene, run: string) {
  const store = await scene.store("outsider");
  const codecs = { codec: plainCodec, codecs: [plainCodec] };
  const journal = new Journal({ store, world, node: "outsider", logger: silentLogger, ...codecs });
  let [notes, over] = [0, false];
  const writing = (async () => {
    while (!over) {
      notes++;
      await journal.amend(run, (draft) => {
        if (notes % 2 === 0) {
          const payload = { json: notes };
          draft.add([{ type: "user.noted", at: draft.now, name: "outside", payload }]);
        } else {
          const checkpoint = draft.state.checkpoints + 1;
          const saved = { checkpoint, node: "outside", state: { json: notes }, metadata: {} };
          draft.add([{ type: "checkpoint.saved", at: draft.now, ...saved }]);
        }
      });
    }
  })();
  return async (): Promise<number> => {
    over = true;
    await writing;
    return notes;
  };
}

onStores(
  "a run that is noted on without pause",
  (scene) => {
    it("is claimed once and comes to its end, and checkpoints are numbered without gaps", async () => {
      const flow = graph("noted")
        .step("list", () => Array.from({ length: 10 }, (_, index) => index))
        .map(
          "work",
          { over: "list", concurrency: 2, retry: { maxAttempts: 1 } },
          async (ctx, item: number) => {
            await sleep(2);
            return ctx.checkpoint(item);
          },
        )
        .build();
      const client = await scene().open({ worker: false });
      const run = await client.start(flow);
      const stop = await outsider(scene(), run.id);
      await sleep(20);
      await scene().open({ workflows: [flow], wrap: longLog });
      const result = await run.result({ timeoutMs: 20_000 });
      const notes = await stop();
      const events = await scene().log(run.id);
      const saved = only(events, "checkpoint.saved").filter(({ node }) => node !== "outside");
      const byItem = saved.toSorted((a, b) => a.node.localeCompare(b.node));
      expect(result).toEqual(byItem.map(({ checkpoint }) => checkpoint));
      expect(only(events, "run.claimed")).toHaveLength(1);
      expect(only(events, "step.retrying")).toEqual([]);
      const numbers = only(events, "checkpoint.saved").map(({ checkpoint }) => checkpoint);
      expect(numbers).toEqual(numbers.map((_, index) => index + 1));
      const noted = only(events, "user.noted").length;
      expect(numbers.length - 10 + noted).toBe(notes);
    });
  },
  ALL_STORES,
);
