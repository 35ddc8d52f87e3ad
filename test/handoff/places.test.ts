// Handoff's acceptance tests about what fits where, by number, and what is taken of a node.
import { expect, it } from "vitest";
import { type Dag, dag, type Millrace } from "../../src/index.ts";
import { deferred } from "../../src/kernel/async.ts";
import {
  ALL_STORES,
  only,
  onStores,
  onVirtualTime,
  outline,
  type Scene,
  until,
} from "../engine/kit/scene.ts";
import { chained } from "./fixtures/fleet-dags.ts";
import { claims, misfits, refused } from "./kit/fleet.ts";

async function neverFits(scene: Scene, millrace: Millrace): Promise<void> {
  const errors = await misfits((one) => millrace.execute(one));
  expect(errors[0]?.message).toMatch(/step pinned .*lacks memory 50/);
  expect(errors[1]?.message).toMatch(/step root needs .*cpu 5.*lacks cpu 1/);
  for (const { details } of errors) {
    expect(only(await scene.log(String(details["run"])), "step.started")).toEqual([]);
  }
  expect(await claims(millrace)).toEqual({});
}

const place = { node: "n1", resources: { memory: 2_000, cpu: 4 } } as const;

onVirtualTime("Handoff's costs that fit nowhere", (scene, time) => {
  it("Handoff 13, 14: fail before anything runs, and say what is missing", async () => {
    const millrace = await scene().open(place);
    await time().until(neverFits(scene(), millrace));
  });
});

onStores(
  "Handoff's costs that fit nowhere",
  (scene) => {
    it("Handoff 13, 14: fail before anything runs, and say what is missing", async () => {
      await neverFits(scene(), await scene().open(place));
    });
  },
  ["sqlite"],
);

onStores(
  "Handoff's costs",
  (scene) => {
    it("Handoff 14: collocated functions that fit together run together", async () => {
      const millrace = await scene().open(place);
      expect(await millrace.execute(chained(2))).toMatchObject({
        allocations: { root: "n1", next: "n1", last: "n1" },
      });
    });

    it("Handoff 15: what does not fit now waits until something is given back", async () => {
      const millrace = await scene().open({ node: "n1", resources: { gpu: 2 } });
      const gate = deferred<void>();
      let [now, most] = [0, 0];
      const code = async (): Promise<void> => {
        most = Math.max(most, ++now);
        await gate.promise;
        now--;
      };
      const five = dag("five").add(...[..."abcde"].map((id) => ({ id, cost: { gpu: 1 }, code })));
      const done = millrace.execute(five);
      await until("two run", () => now === 2);
      gate.resolve();
      const { dagId } = await done;
      expect(most).toBe(2);
      // At no event of the log more is running than the node has.
      let [running, peak] = [0, 0];
      for (const line of outline(await scene().log(dagId))) {
        if (line.startsWith("step.started")) peak = Math.max(peak, ++running);
        if (line.startsWith("step.completed")) running--;
      }
      expect(peak).toBe(2);
    });

    it("Handoff 16: what ended well, failed, timed out or was cancelled has given all back", async () => {
      const millrace = await scene().open({ node: "n1", resources: { gpu: 1 } });
      const calls: string[] = [];
      const one = (id: string, code: () => unknown): Dag =>
        dag(id).add({
          id: "a",
          cost: { gpu: 1 },
          maxRetries: 1,
          code: () => calls.push(id) && code(),
        });
      const never = (): Promise<never> => new Promise(() => undefined);
      await millrace.execute(one("well", () => 1));
      const fails = one("fails", () => Promise.reject(new Error("no")));
      expect((await refused(millrace.execute(fails))).code).toBe("E_STEP_FAILED");
      const late = await refused(millrace.execute(one("late", never), { timeout: 30 }));
      expect(late.code).toBe("E_TIMEOUT");
      const stopped = refused(millrace.execute(one("stopped", never), { id: "stopped" }));
      await until("it runs", () => calls.includes("stopped"));
      await millrace.cancel("stopped", { grace: 1 });
      expect((await stopped).code).toBe("E_RUN_CANCELLED");
      // The gpu is free for the next one, and each of the others had it, unless its time was up before.
      await millrace.execute(one("last", () => 1));
      const had = calls.filter((id) => id !== "late");
      expect(had).toEqual(["well", "fails", "fails", "stopped", "last"]);
    });

    it("executeLocal asks for nothing", async () => {
      const millrace = await scene().open({ node: "n1" });
      const costly = dag("costly").add({ id: "a", node: "n9", cost: { gpu: 8 }, code: () => 1 });
      expect(await millrace.executeLocal(costly)).toMatchObject({ allocations: { a: "n1" } });
    });
  },
  ALL_STORES,
);
