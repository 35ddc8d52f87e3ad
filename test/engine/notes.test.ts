/**
 * Notes from outside: others may add outputs, checkpoints and facts to a run without pause. Its host
 * goes on all the same, and nobody's numbers collide.
 */
import { expect, it } from "vitest";
import { loadRun } from "../../src/engine/reading/history.ts";
import { Journal } from "../../src/engine/reading/journal.ts";
import { commit } from "../../src/engine/turn/commit.ts";
import { Draft } from "../../src/engine/turn/draft.ts";
import { commitBehindNotes } from "../../src/engine/turn/rebase.ts";
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
      const result = await run.result({ timeoutMs: 25_000 });
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

onStores(
  "a commit behind notes",
  (scene) => {
    it("is refused when a host wrote them: it took inputs, and the run may be its", async () => {
      const flow = graph("contested")
        .step("only", () => 1)
        .build();
      const client = await scene().open({ worker: false });
      const { id } = await client.start(flow);
      const engineOf = async (node: string) => {
        const codecs = { codec: plainCodec, codecs: [plainCodec] };
        return { store: await scene().store(node), world, node, logger: silentLogger, ...codecs };
      };
      const [one, two] = [await engineOf("one"), await engineOf("two")];
      const { signal } = new AbortController();
      const claim = async (engine: typeof one): Promise<Draft> => {
        const draft = new Draft(await loadRun(engine, id), 1);
        draft.run({ type: "cmd.claim", now: 1, node: engine.node, lease: "l" });
        return draft;
      };
      expect(await commitBehindNotes(one, await claim(one), 0, signal)).toBe(true);
      const rival = await claim(two);
      const noting = new Draft(await loadRun(one, id), 1);
      noting.anomaly("unreadable-input", "of the first host");
      expect(await commit(one, noting, 5)).toBe(true);
      expect(await commitBehindNotes(two, rival, 0, signal)).toBe(false);
      expect((await loadRun(one, id)).cursor.inbox).toBe(5);
    });
  },
  ["memory"],
);
