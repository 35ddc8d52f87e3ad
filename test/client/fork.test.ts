/**
 * Forks: what had been done counts as done, at every event of a run; what is changed takes effect; the
 * run itself stays as it was.
 */
import { expect, it } from "vitest";
import { graph, type Millrace, workflow } from "../../src/index.ts";
import { ALL_STORES, only, onStores, outline, refusal, type Scene } from "../engine/kit/scene.ts";

/** Executions by run and step. */
const executed: string[] = [];
const ran = <T>(key: string, value: T): T => {
  executed.push(key);
  return value;
};

const report = graph<{ pages: number }>("report")
  .step("extract", (ctx, { pages }) =>
    ran(
      ctx.idempotencyKey,
      Array.from({ length: pages }, (_, n) => n),
    ),
  )
  .map("words", { over: "extract", concurrency: 2 }, (ctx, page) =>
    ran(ctx.idempotencyKey, page * 10),
  )
  .step("title", { needs: ["extract"] }, (ctx, { extract }) =>
    ran(ctx.idempotencyKey, `${extract.length} pages`),
  )
  .step("format", { needs: ["words", "title"] }, (ctx, { words, title }) =>
    ran(ctx.idempotencyKey, `${title}: ${words.join(" ")}`),
  )
  .build();

const order = workflow("order", async (ctx, amount: number) => {
  const quote = await ctx.run("quote", (step) => ran(step.idempotencyKey, amount * 2));
  const answer = await ctx.waitFor<{ yes: boolean }>("approval");
  if (!answer.yes) return ctx.run("refuse", (step) => ran(step.idempotencyKey, `no to ${quote}`));
  const [paid, sent] = await ctx.all([
    ctx.run("pay", (step) => ran(step.idempotencyKey, quote)),
    ctx.run("send", (step) => ran(step.idempotencyKey, "sent")),
  ]);
  return `${paid} ${sent}`;
});

const approved = async (millrace: Millrace): Promise<string> => {
  const run = await millrace.start(order, 21);
  for await (const event of run.events()) if (event.type === "wait.opened") break;
  await run.signal("approval", { yes: true });
  expect(await run.result()).toBe("42 sent");
  return run.id;
};

/** Forks the run behind each of its events; nothing that was completed there is begun again. */
async function forkEverywhere(
  millrace: Millrace,
  scene: Scene,
  run: string,
  go: (fork: string) => Promise<unknown>,
): Promise<unknown[]> {
  const events = await scene.log(run);
  const results: unknown[] = [];
  for (const { seq } of events) {
    const done = new Set(only(events.slice(0, seq), "step.completed").map(({ step }) => step));
    const fork = await millrace.fork(run, { seq });
    await go(fork.id);
    results.push(await fork.result());
    const begun = only(await scene.log(fork.id), "step.started").map(({ step }) => step);
    expect(begun.filter((step) => done.has(step))).toEqual([]);
  }
  return results;
}

onStores(
  "a fork",
  (scene) => {
    it("behind any event of a graph's run ends as that run did", async () => {
      const millrace = await scene().open({ workflows: [report] });
      const run = await millrace.start(report, { pages: 3 });
      const result = await run.result();
      const results = await forkEverywhere(millrace, scene(), run.id, async () => undefined);
      expect(new Set(results)).toEqual(new Set([result]));
      expect(results.length).toBeGreaterThan(10);
    });

    it("behind any event of code ends as that run did, given what it still waits for", async () => {
      const millrace = await scene().open({ workflows: [order] });
      const run = await approved(millrace);
      const results = await forkEverywhere(millrace, scene(), run, (fork) =>
        millrace.signal(fork, "approval", { yes: true }, { id: "late" }).catch(() => undefined),
      );
      expect(new Set(results)).toEqual(new Set(["42 sent"]));
    });

    it("with the opposite answer leaves the run as it was", async () => {
      const millrace = await scene().open({ workflows: [order] });
      const run = await approved(millrace);
      const before = outline(await scene().log(run));
      const fork = await millrace.fork(run, {
        signal: { name: "approval", payload: { yes: false } },
      });
      expect(await fork.result()).toBe("no to 42");
      expect(outline(await scene().log(run))).toEqual(before);
      expect(await millrace.lineage(fork.id)).toMatchObject({ ancestors: [{ run }], forks: [] });
      expect(await millrace.lineage(run)).toMatchObject({
        ancestors: [],
        forks: [{ run: fork.id }],
      });
    });

    it("with another result of a step goes on from there", async () => {
      const millrace = await scene().open({ workflows: [report, order] });
      const run = await millrace.start(report, { pages: 2 });
      await run.result();
      executed.length = 0;
      const fork = await millrace.fork(run.id, { results: { title: "A Book" } });
      expect(await fork.result()).toBe("A Book: 0 10");
      expect(executed).not.toContain(`${fork.id}/title`);
      const ordered = await millrace.fork(await approved(millrace), { results: { quote: 7 } });
      await ordered.signal("approval", { yes: true });
      expect(await ordered.result()).toBe("7 sent");
    });

    it("with other input and other code takes both up behind what was done", async () => {
      const millrace = await scene().open({ workflows: [report] });
      const run = await millrace.start(report, { pages: 1 });
      await run.result();
      const longer = graph<{ pages: number }>("report")
        .step("extract", () => [1, 2])
        .step("format", { needs: ["extract"] }, (ctx, { extract }) => [extract, ctx.input])
        .build();
      await scene().close(millrace);
      const changed = await scene().open({ workflows: [longer] });
      const [extracted] = only(await scene().log(run.id), "step.completed");
      const options = { seq: extracted?.seq ?? 0, input: { pages: 9 }, workflow: longer };
      const fork = await changed.fork(run.id, options);
      expect(await fork.result()).toEqual([[0], { pages: 9 }]);
    });

    it("of a fork goes back through both", async () => {
      const millrace = await scene().open({ workflows: [order] });
      const run = await approved(millrace);
      const fork = await millrace.fork(run, {
        signal: { name: "approval", payload: { yes: false } },
      });
      await fork.result();
      const again = await millrace.fork(fork.id, { results: { refuse: "by hand" } });
      expect(await again.result()).toBe("by hand");
      const first = await millrace.fork(again.id, { results: { quote: 1 } });
      await first.signal("approval", { yes: true });
      expect(await first.result()).toBe("1 sent");
      expect((await millrace.lineage(again.id)).ancestors.map((one) => one.run)).toEqual([
        fork.id,
        run,
      ]);
      expect((await millrace.lineage(first.id)).ancestors.map((one) => one.run)).toEqual([run]);
    });

    it("is the same run when it is asked for again with its id, and no other", async () => {
      const millrace = await scene().open({ workflows: [report] });
      const run = await millrace.start(report, { pages: 1 });
      await run.result();
      const options = { id: "again", results: { title: "T" } };
      const [one, two] = [
        await millrace.fork(run.id, options),
        await millrace.fork(run.id, options),
      ];
      expect(await two.result()).toBe(await one.result());
      const other = { id: "again", results: { title: "U" } };
      expect(await refusal(millrace.fork(run.id, other))).toMatchObject({ code: "E_RUN_CONFLICT" });
    });

    it("keeps what it goes back to from being erased", async () => {
      const millrace = await scene().open({ workflows: [report] });
      const run = await millrace.start(report, { pages: 1 });
      await run.result();
      const fork = await millrace.fork(run.id, { results: { title: "T" } });
      await fork.result();
      const { checkpoints, outputs } = millrace.stores;
      const refused = await refusal(checkpoints.deleteRun(run.id));
      expect(refused).toMatchObject({ code: "E_COMMAND_REFUSED", details: { forks: [fork.id] } });
      expect(await checkpoints.deleteRun(fork.id)).toBe(true);
      expect(await checkpoints.deleteRun(run.id)).toBe(true);
      expect(outputs).toBeDefined();
    });
  },
  ALL_STORES,
);

onStores("a fork is refused", (scene) => {
  it("where there is nothing to branch off, or what is changed does not fit", async () => {
    const millrace = await scene().open({ workflows: [report, order] });
    const run = await millrace.start(report, { pages: 1 });
    await run.result();
    const fork = (options: object) => refusal(millrace.fork(run.id, options));
    const invalid = { code: "E_OPTION_INVALID" };
    expect(await fork({})).toMatchObject(invalid);
    expect(await fork({ seq: 0 })).toMatchObject(invalid);
    expect(await fork({ seq: 1_000 })).toMatchObject(invalid);
    expect(await fork({ seq: 2, reslts: {} })).toMatchObject(invalid);
    expect(await fork({ results: { nothing: 1 } })).toMatchObject(invalid);
    expect(await fork({ signal: { name: "never" } })).toMatchObject(invalid);
    expect(await fork({ seq: 2, workflow: order })).toMatchObject(invalid);
    const tooEarly = await fork({ seq: 1, results: { format: 1 } });
    expect(tooEarly).toMatchObject({ code: "E_COMMAND_REFUSED" });
    expect(await refusal(millrace.fork("none", { seq: 1 }))).toMatchObject({
      code: "E_RUN_NOT_FOUND",
    });
    expect(await millrace.list()).toHaveLength(1);
  });
});
