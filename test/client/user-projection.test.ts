/** Views of users' own: true at every moment, resumed from a copy, rebuilt to the same, live. */
import { expect, it } from "vitest";
import { defineProjection, graph, type Millrace } from "../../src/index.ts";
import { ALL_STORES, onStores, refusal } from "../engine/kit/scene.ts";

const flow = graph<number>("flow")
  .step("double", (_, n) => n * 2)
  .build();

let folded = 0;
/** How often each step completed, and of which runs. */
const tally = defineProjection<{ steps: Record<string, number>; runs: string[] }>({
  name: "tally",
  types: ["step.completed"],
  initial: () => ({ steps: {}, runs: [] }),
  apply(view, event) {
    if (event.type !== "step.completed") return;
    folded++;
    view.steps[event.step] = (view.steps[event.step] ?? 0) + 1;
    view.runs.push(event.run);
  },
  forget: (view, run) => ({ ...view, runs: view.runs.filter((one) => one !== run) }),
});

const finish = async (millrace: Millrace, id: string): Promise<unknown> =>
  (await millrace.start(flow, 1, { id })).result();

onStores(
  "a view of one's own",
  (scene) => {
    it("is true at every moment, and forgets what is erased", async () => {
      const millrace = await scene().open({ workflows: [flow] });
      const view = millrace.projection(tally);
      expect(await view.current()).toEqual({ steps: {}, runs: [] });
      for (const id of ["a", "b"]) await finish(millrace, id);
      expect(await view.current()).toEqual({ steps: { double: 2 }, runs: ["a", "b"] });
      await millrace.history.erase("a");
      expect(await view.current()).toEqual({ steps: { double: 2 }, runs: ["b"] });
      expect(await view.rebuild({ verify: true })).toMatchObject({
        name: "user-tally",
        saved: "none",
      });
      expect(await view.current()).toEqual({ steps: { double: 1 }, runs: ["b"] });
    });

    it("goes on from its copy in another process, and a new version begins anew", async () => {
      const millrace = await scene().open({ workflows: [flow] });
      await finish(millrace, "a");
      const first = millrace.projection(tally);
      await first.current();
      await first.save();
      await finish(millrace, "b");
      folded = 0;
      const other = await scene().open();
      expect((await other.projection(tally).current()).runs).toEqual(["a", "b"]);
      expect(folded).toBe(1);
      expect(await other.projection(tally).rebuild({ verify: true })).toMatchObject({
        saved: "same",
      });
      folded = 0;
      await other.projection({ ...tally, version: 2 }).current();
      expect(folded).toBe(2);
    });

    it("is given again whenever something has come, until nobody wants it", async () => {
      const millrace = await scene().open({ workflows: [flow] });
      const stop = new AbortController();
      const seen: number[] = [];
      for await (const { runs } of millrace.projection(tally).live({ signal: stop.signal })) {
        seen.push(runs.length);
        if (runs.length === 3) stop.abort();
        else await finish(millrace, `run-${runs.length}`);
      }
      expect(seen[0]).toBe(0);
      expect(seen.at(-1)).toBe(3);
      expect(seen).toEqual(seen.toSorted((a, b) => a - b));
    });

    it("is refused when it cannot be meant, and says what its fold throws", async () => {
      const millrace = await scene().open({ workflows: [flow] });
      const invalid = expect.objectContaining({ code: "E_OPTION_INVALID" });
      const wrong: object[] = [{ apply: 1 }, { version: -1 }, { save: () => 1 }, { initail: 1 }];
      for (const part of wrong) {
        expect(() => millrace.projection({ ...tally, ...part })).toThrow(invalid);
      }
      expect(() => millrace.projection({ ...tally, name: "a.b" })).toThrow();
      await finish(millrace, "a");
      const failing = millrace.projection<number>({
        name: "failing",
        initial: () => 0,
        apply: () => {
          throw new Error("cannot fold");
        },
      });
      expect(await refusal(failing.current())).toMatchObject({ message: "cannot fold" });
    });
  },
  ALL_STORES,
);
