/** Whoever waits for a run that is erased meanwhile is told so, and does not wait for ever. */
import { expect, it } from "vitest";
import { workflow } from "../../src/index.ts";
import { ALL_STORES, all, onStores, refusal, until } from "../engine/kit/scene.ts";

const patient = workflow("patient", (ctx) => ctx.waitFor("go"));

onStores(
  "a run that is erased",
  (scene) => {
    it("ends the wait for its result, and the following of its events, in every process", async () => {
      const millrace = await scene().open({ workflows: [patient], parkAfter: 1 });
      const other = await scene().open();
      const run = await millrace.start(patient, undefined, { id: "gone" });
      await until("it is parked", async () => (await run.get()).status === "parked");
      const waiting = [
        refusal(run.result()),
        refusal(other.result("gone")),
        refusal(other.result("gone", { timeoutMs: 60_000 })),
        refusal(all(run.events())),
        refusal(all(other.handle("gone").events({ from: "now" }))),
      ];
      await until("they wait", async () => (await other.get("gone")).seq > 0);
      await millrace.history.erase("gone");
      for (const one of waiting) expect(await one).toMatchObject({ code: "E_RUN_ERASED" });
      // Whoever comes later is told too.
      expect(await refusal(run.result())).toMatchObject({ code: "E_RUN_ERASED" });
      expect(await refusal(other.result("gone"))).toMatchObject({ code: "E_RUN_NOT_FOUND" });
    });
  },
  ALL_STORES,
);
