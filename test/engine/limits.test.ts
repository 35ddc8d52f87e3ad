/**
 * Limits over runs as operators see them, on every store: how full, who waits, at which place; and that no key
 * starves another.
 */
import { expect, it } from "vitest";
import { type Millrace, workflow } from "../../src/index.ts";
import { admitted, asked, type Job, Works } from "./flow-kit.ts";
import { ALL_STORES, onStores, onVirtualTime, type Scene, until } from "./kit/scene.ts";

const customer = (job: Job): string => job.customer;

/** Starts a run and waits until it has asked its gate. */
async function startOne(scene: Scene, millrace: Millrace, flow: string, id: string): Promise<void> {
  const job: Job = { customer: id.split("-")[0] ?? "", no: 0 };
  await millrace.start(flow, job, { id });
  await until(`${id} has asked`, async () => (await asked(scene)).includes(id));
}

onStores(
  "limits",
  (scene) => {
    it("say how full they are and who waits longest; explain says the place in line", async () => {
      const works = new Works();
      const concurrency = [{ limit: 3 }, { limit: 1, key: customer }];
      const flow = { concurrency, rateLimit: { limit: 50, per: "1h" } } as const;
      const jobs = workflow("jobs", { flow }, (ctx, _job: Job) =>
        ctx.run("work", () => works.at(ctx.runId)),
      );
      const millrace = await scene().open({ workflows: [jobs] });
      const ids = ["ada-1", "ada-2", "ada-3", "bob-1"];
      for (const id of ids) await startOne(scene(), millrace, "jobs", id);
      await until("one of each is at work", () => works.working.length === 2);
      const looker = await scene().open();
      const since = expect.any(Number);
      expect(await looker.limits()).toMatchObject([
        { name: "concurrency", key: "", limit: 3, used: 2, free: 1, waiting: 2 },
        { name: "concurrency.2", key: "ada", limit: 1, used: 1, free: 0, waiting: 2 },
        { name: "concurrency.2", key: "bob", used: 1, waiting: 0, oldest: null },
        { name: "rateLimit", key: "", perMs: 3_600_000, used: 2, free: 48, freeAt: null },
      ]);
      const [, ofAda] = await looker.limits({ workflow: "jobs" });
      expect(ofAda?.oldest).toEqual({ run: "ada-2", since });
      expect((await looker.explain("ada-3")).waits).toMatchObject([
        {
          kind: "admission",
          what: expect.stringMatching(/; place 2 of 2$/),
          by: "room in concurrency.2 of ada (1 of 1)",
        },
      ]);
      expect((await looker.describe("ada-2")).explanation.waits[0]?.what).toMatch(
        /; place 1 of 2$/,
      );
      for (const id of ["ada-1", "bob-1", "ada-2", "ada-3"]) {
        await until(`${id} is at work`, () => works.working.includes(id));
        works.end(id);
        await millrace.result(id);
      }
      await until("all places are free", async () => (await looker.limits()).length === 1);
      expect(await looker.limits()).toMatchObject([{ name: "rateLimit", used: 4, free: 46 }]);
    });

    it("are fair: a key with many waiting runs does not starve one with a single run", async () => {
      const works = new Works();
      const flow = { concurrency: { limit: 1 }, fairness: { key: customer } };
      const jobs = workflow("jobs", { flow }, (ctx, _job: Job) =>
        ctx.run("work", () => works.at(ctx.runId)),
      );
      const millrace = await scene().open({ workflows: [jobs] });
      const loud = Array.from({ length: 8 }, (_, nth) => `loud-${nth}`);
      for (const id of [...loud, "quiet-1", "calm-1"]) {
        await startOne(scene(), millrace, "jobs", id);
      }
      for (let ended = 0; ended < 10; ended++) {
        await until("one is at work", () => works.working.length === 1);
        works.end(works.working[0] ?? "");
      }
      const order = await admitted(scene());
      // Three keys take turns, so nobody waits for more than one run of each other key.
      expect(
        order
          .slice(0, 4)
          .map((id) => id.split("-")[0])
          .sort(),
      ).toEqual(["calm", "loud", "loud", "quiet"]);
      expect(order.filter((id) => id.startsWith("loud"))).toEqual(loud);
    });

    it("by time let in no more than so many in any span, whichever process asks", async () => {
      const flow = { rateLimit: { limit: 3, per: 250 } };
      const jobs = workflow("jobs", { flow }, async () => "done");
      const processes = [
        await scene().open({ workflows: [jobs] }),
        await scene().open({ workflows: [jobs] }),
      ];
      const runs = await Promise.all(
        Array.from({ length: 8 }, (_, nth) => processes[nth % 2]?.start(jobs, undefined)),
      );
      await Promise.all(runs.map((run) => run?.result({ timeoutMs: 25_000 })));
      // That no span has more than three is an invariant of the log, which every scene checks at its end.
      expect(await admitted(scene())).toHaveLength(8);
    });
  },
  ALL_STORES,
);

onVirtualTime("a limit by time", (scene, time) => {
  it("says when its next token comes, and explain until when its first in line waits", async () => {
    const flow = { rateLimit: { limit: 1, per: "1h" } } as const;
    const jobs = workflow("jobs", { flow }, async () => "done");
    const millrace = await scene().open({ workflows: [jobs] });
    const first = await millrace.start(jobs, undefined, { id: "first" });
    await time().until(first.result());
    await millrace.start(jobs, undefined, { id: "second" });
    await time().pass(60_000);
    const [limit] = await millrace.limits();
    expect(limit).toMatchObject({ used: 1, free: 0, waiting: 1, oldest: { run: "second" } });
    const freeAt = limit?.freeAt ?? 0;
    expect(freeAt).toBeGreaterThan(time().now());
    const [wait] = (await millrace.explain("second")).waits;
    expect(wait).toMatchObject({ kind: "admission", until: freeAt });
    expect(wait?.by).toBe("room in rateLimit (1 of 1 in 3600000 ms)");
    await time().until(millrace.result("second"), 3_600_000);
  });
});
