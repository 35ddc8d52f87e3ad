// Limits, fairness and put-off beginnings, as users meet them.
import { expect, it } from "vitest";
import { graph, workflow } from "../../src/index.ts";
import { admitted, asked, type Job, Works } from "./flow-kit.ts";
import { ALL_STORES, only, onStores, outline, refusal, type Scene, until } from "./kit/scene.ts";

const job = (customer: string, no = 0): Job => ({ customer, no });

/** Waits until all of them have asked. */
const haveAsked = (scene: Scene, ...runs: readonly string[]): Promise<void> =>
  until(`${runs.join(", ")} have asked`, async () => {
    const there = await asked(scene);
    return runs.every((run) => there.includes(run));
  });

onStores(
  "a limit of runs at once",
  (scene) => {
    it("holds the others back without a word in their logs, and lets in the oldest", async () => {
      const works = new Works();
      const jobs = workflow("jobs", { flow: { concurrency: { limit: 2 } } }, (ctx, _job: Job) =>
        ctx.run("work", () => works.at(ctx.runId)),
      );
      const millrace = await scene().open({ workflows: [jobs] });
      const ids = ["a", "b", "c", "d"];
      const runs = [];
      for (const id of ids) {
        runs.push(await millrace.start(jobs, job("x"), { id }));
        await haveAsked(scene(), id);
      }
      await until("two are at work", () => works.working.length === 2);
      expect((await millrace.get("d")).status).toBe("pending");
      expect(outline(await scene().log("d"))).toEqual(["run.created"]);
      works.end("a");
      await until("c is at work", () => works.begun.length === 3);
      works.end("c");
      await until("d is at work", () => works.begun.length === 4);
      for (const id of ["b", "d"]) works.end(id);
      expect(await Promise.all(runs.map((run) => run.result()))).toEqual(ids);
      expect(works.begun).toEqual(ids);
      expect(outline(await scene().log("c")).slice(0, 4)).toEqual([
        ...["run.created", "run.claimed", "run.admitted", "step.scheduled work"],
      ]);
    });

    it("counts by key, and one key's runs hold up no other's", async () => {
      const works = new Works();
      const flow = {
        concurrency: [{ limit: 3 }, { limit: 1, key: ({ customer }: Job) => customer }],
      };
      const jobs = graph<Job>("jobs", { flow })
        .step("work", (ctx) => works.at(ctx.run.id))
        .build();
      const millrace = await scene().open({ workflows: [jobs] });
      for (const no of [1, 2, 3]) await millrace.start(jobs, job("loud"), { id: `loud-${no}` });
      await millrace.start(jobs, job("quiet"), { id: "quiet-1" });
      await until("one of each is at work", () => works.working.length === 2);
      expect(works.working.map((run) => run.split("-")[0]).sort()).toEqual(["loud", "quiet"]);
      for (let ended = 0; ended < 4; ended++) {
        await until("somebody is at work", () => works.working.length > 0);
        works.end(works.working[0] ?? "");
      }
      for (const run of ["loud-1", "loud-2", "loud-3", "quiet-1"]) {
        await millrace.result(run);
      }
    });

    it("is kept by many processes, and by those that come later", async () => {
      const works = new Works();
      const jobs = workflow("jobs", { flow: { concurrency: { limit: 2 } } }, (ctx, _job: Job) =>
        ctx.run("work", () => works.at(ctx.runId)),
      );
      const processes = [];
      for (let nth = 0; nth < 3; nth++) processes.push(await scene().open({ workflows: [jobs] }));
      const [client] = processes;
      const ids = Array.from({ length: 12 }, (_, nth) => `run-${nth}`);
      await Promise.all(ids.map((id) => client?.start(jobs, job("x"), { id })));
      await haveAsked(scene(), ...ids);
      for (let ended = 0; ended < ids.length; ended++) {
        await until("somebody is at work", () => works.working.length > 0);
        expect(works.working.length).toBeLessThanOrEqual(2);
        works.end(works.working[0] ?? "");
      }
      await Promise.all(ids.map((id) => client?.result(id)));
    });
  },
  ALL_STORES,
);

onStores("a run that waits for admission", (scene) => {
  it("can be cancelled, told something and paused, and holds up nobody by that", async () => {
    const works = new Works();
    const jobs = workflow("jobs", { flow: { concurrency: { limit: 1 } } }, async (ctx) => {
      const word = await ctx.waitFor("word");
      await ctx.run("work", () => works.at(ctx.runId));
      return word;
    });
    const millrace = await scene().open({ workflows: [jobs], parkAfter: 1 });
    for (const id of ["first", "gone", "told"]) {
      await millrace.start(jobs, undefined, { id });
      await haveAsked(scene(), id);
    }
    await millrace.signal("told", "word", "hello");
    await millrace.cancel("gone");
    expect(await refusal(millrace.result("gone"))).toMatchObject({ code: "E_RUN_CANCELLED" });
    expect((await millrace.explain("told")).waits).toMatchObject([{ kind: "admission" }]);
    await millrace.pause("told");
    await until("it is paused", async () => (await millrace.get("told")).status === "paused");
    await millrace.resume("told");
    await millrace.signal("first", "word", "go");
    await until("the first is at work", () => works.working.includes("first"));
    works.end("first");
    await until("the told one is at work", () => works.working.includes("told"));
    works.end("told");
    expect(await millrace.result("told")).toBe("hello");
    expect(await admitted(scene())).toEqual(["first", "told"]);
  });

  it("fails when its time is over", async () => {
    const works = new Works();
    const flow = { concurrency: { limit: 1 } };
    const patient = workflow("jobs", { flow }, (ctx, _job: Job) =>
      ctx.run("work", () => works.at(ctx.runId)),
    );
    const hasty = workflow("jobs", { flow, timeout: "200ms" }, () => "never");
    const millrace = await scene().open({ workflows: [patient] });
    await millrace.start(patient, job("x"), { id: "first" });
    await haveAsked(scene(), "first");
    await millrace.start(hasty, undefined, { id: "second" });
    expect(await refusal(millrace.result("second"))).toMatchObject({ code: "E_RUN_FAILED" });
    expect(only(await scene().log("second"), "run.admitted")).toEqual([]);
    await until("it is gone from the gate", async () =>
      only(await scene().log(), "gate.released").some(({ holder }) => holder === "second"),
    );
    works.end("first");
    await millrace.result("first");
  });
});

onStores("children of a workflow with limits", (scene) => {
  it("keep to them, also those that a process began by name only", async () => {
    const works = new Works();
    const flow = { concurrency: { limit: 1, key: ({ customer }: Job) => customer } };
    const child = workflow("child", { flow }, (ctx, _job: Job) =>
      ctx.run("work", () => works.at(ctx.runId)),
    );
    const parent = workflow("parent", (ctx) =>
      ctx.all([1, 2, 3].map((no) => ctx.child(`job-${no}`, "child", job("x", no)))),
    );
    const first = await scene().open({ workflows: [parent] });
    await scene().open({ workflows: [child] });
    const run = await first.start(parent);
    for (let ended = 0; ended < 3; ended++) {
      await until("one is at work", () => works.working.length > 0);
      expect(works.working).toHaveLength(1);
      works.end(works.working[0] ?? "");
    }
    expect(await run.result()).toHaveLength(3);
    expect(works.begun).toHaveLength(3);
  });
});
