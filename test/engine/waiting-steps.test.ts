/** Steps of a graph that wait: what they get, what they give on, and what is held for them (nothing). */
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { graph } from "../../src/index.ts";
import { checkWorkflow, type Outside, testRuntime } from "../../src/testing.ts";
import { ALL_STORES, only, onStores, onVirtualTime, outline, refusal, until } from "./kit/scene.ts";

const Reply = z.object({ to: z.string(), words: z.string().transform((words) => words.length) });

const talk = graph<{ who: string }>("talk")
  .step("ask", (_ctx, { who }) => who)
  .waitFor("reply", {
    needs: ["ask"],
    schema: Reply,
    where: (raw, { ask }) => (raw as { to?: string } | null)?.to === ask,
  })
  .waitFor("thanks", { needs: ["ask"], signal: "thank-you", timeout: "10m" })
  .step("count", { needs: ["reply", "thanks"] }, (_ctx, { reply, thanks }) => ({
    words: reply.words,
    thanked: thanks !== undefined,
  }))
  .build();

onStores(
  "a step that waits for a signal",
  (scene) => {
    it("gets the one that came before it, and the run goes on at once", async () => {
      const millrace = await scene().open({ workflows: [talk] });
      await millrace.signal("early", "reply", { to: "grace", words: "hello" });
      await millrace.signal("early", "reply", { to: "ada", words: "hello" });
      await millrace.signal("early", "thank-you");
      const run = await millrace.start(talk, { who: "ada" }, { id: "early" });
      expect(await run.result({ timeoutMs: 25_000 })).toEqual({ words: 5, thanked: true });
      const { kept } = await millrace.explain("early");
      expect(kept).toMatchObject([{ name: "reply" }]);
    });

    it("is held by nobody until it comes, and no attempt of it is made", async () => {
      const millrace = await scene().open({ workflows: [talk], parkAfter: 5 });
      const run = await millrace.start(talk, { who: "ada" });
      await until("it is parked", async () => (await run.get()).status === "parked");
      await until("nobody hosts it", () => millrace.hosted === 0);
      await run.signal("thank-you");
      await run.signal("reply", { to: "ada", words: "hi" });
      expect(await run.result({ timeoutMs: 25_000 })).toEqual({ words: 2, thanked: true });
      const events = await scene().log(run.id);
      expect(only(events, "step.started").map(({ step }) => step)).toEqual(["ask", "count"]);
      expect(only(events, "step.suspended").map(({ step }) => step)).toEqual(["reply", "thanks"]);
    });
  },
  ALL_STORES,
);

onVirtualTime("a step that waits for a signal", (scene, time) => {
  it("is skipped when none came in time", async () => {
    const millrace = await scene().open({ workflows: [talk] });
    const run = await millrace.start(talk, { who: "ada" });
    await run.signal("reply", { to: "ada", words: "hello you" });
    expect(await time().until(run.result())).toEqual({ words: 9, thanked: false });
    const events = await scene().log(run.id);
    const [opened] = only(events, "wait.opened").filter(({ wait }) => wait === "thanks");
    expect(only(events, "wait.expired")).toMatchObject([{ wait: "thanks", at: opened?.due }]);
  });

  it("fails when its payload is not what it must be, or its condition throws", async () => {
    const strict = graph("strict").waitFor("n", { schema: z.number() }).build();
    const broken = graph("broken")
      .waitFor("n", {
        where: () => {
          throw new RangeError("no such field");
        },
      })
      .build();
    const millrace = await scene().open({ workflows: [strict, broken] });
    for (const [flow, why] of [
      [strict, "does not match its schema"],
      [broken, "no such field"],
    ] as const) {
      const run = await millrace.start(flow);
      await run.signal("n", "text");
      expect(String(await time().until(refusal(run.result())))).toContain(why);
    }
  });

  it("that fails or is cancelled takes back what it waits for", async () => {
    const flow = graph("flow")
      .waitFor("word", {})
      .approve("go", { prompt: "?", timeout: "1h" })
      .sleep("nap", { for: "1h" })
      .step("bad", { retry: { maxAttempts: 1 } }, () => {
        throw new Error("broken");
      })
      .build();
    const millrace = await scene().open({ workflows: [flow] });
    const run = await millrace.start(flow);
    await time().until(refusal(run.result()));
    const ends = outline(await scene().log(run.id)).filter((line) => line.includes("cancelled"));
    expect(ends.toSorted()).toEqual([
      "step.cancelled go",
      "step.cancelled nap",
      "step.cancelled word",
      "timer.cancelled",
      "wait.cancelled",
      "wait.cancelled",
    ]);
    expect(await millrace.pendingApprovals()).toEqual([]);
  });

  it("waits on while the run is paused, and takes nothing", async () => {
    const flow = graph("flow").waitFor("word", {}).build();
    const millrace = await scene().open({ workflows: [flow] });
    const run = await millrace.start(flow);
    await time().pass(10_000);
    await run.pause();
    await run.signal("word", "hello");
    await time().pass(60_000);
    expect((await run.get()).status).toBe("paused");
    expect(only(await scene().log(run.id), "wait.matched")).toEqual([]);
    await run.resume();
    expect(await time().until(run.result())).toBe("hello");
  });

  it("beside hundreds of others costs no more than they do", async () => {
    let flow = graph("wide").waitFor("w0", {}) as never as ReturnType<typeof graph>;
    for (let nth = 1; nth < 300; nth++) {
      flow = flow.waitFor(`w${nth}`, {}) as never as ReturnType<typeof graph>;
    }
    const millrace = await scene().open({ workflows: [flow.build() as never] });
    const run = await millrace.start("wide");
    for (let nth = 0; nth < 300; nth++) await run.signal(`w${nth}`, nth);
    expect(await time().until(run.result())).toBe(299);
  });
});

describe("a graph that sleeps, waits and asks", () => {
  const flow = ({ effects }: Outside) =>
    graph<{ cents: number }>("flow")
      .step("price", async (ctx, { cents }) => {
        await effects.apply("price", { key: ctx.idempotencyKey });
        return cents;
      })
      .sleep("cool-off", { needs: ["price"], for: ({ price }) => `${price}m` })
      .waitFor("payment", { needs: ["cool-off"], timeout: "1w" })
      .approve("release", {
        needs: ["payment"],
        when: ({ payment }) => payment !== undefined,
        prompt: ({ payment }) => `send ${String(payment)}?`,
        approvers: ["ada"],
        timeout: "1d",
      })
      .step(
        "send",
        { needs: ["release"], when: ({ release }) => release?.approved === true },
        (ctx) => effects.apply("send", { key: ctx.idempotencyKey }),
      )
      .step("tell", { needs: ["release", "send"] }, async (ctx, { release }) => {
        await effects.apply("tell", { key: ctx.idempotencyKey });
        return release === undefined ? "unpaid" : [release.approved, release.by];
      })
      .build();

  it("comes to the same, with the same effects, after a crash at every event boundary", async () => {
    const paid = { name: "payment", payload: "5 gold", after: "2h" } as const;
    const mallory = { approved: true, by: "mallory" };
    const ada = { approved: true, by: "ada", comment: "fine" };
    const ways = [
      [
        paid,
        { name: "release", decision: mallory, after: "3h" },
        { name: "release", decision: ada, after: "4h" },
      ],
      [paid, { name: "release", decision: { ...ada, approved: false }, after: "1h" }],
      [paid],
      [],
    ] as const;
    const report = await checkWorkflow(flow, {
      inputs: [0, 1, 2, 3].map((way) => ({ cents: 30 + way })),
      runs: 8,
      signals: ({ cents }) => ways[cents - 30] ?? [],
    });
    expect(report.outcomes.completed).toBe(report.lives);
    expect(report.crashes).toBeGreaterThan(8 * 10);
  });

  it("is resumed after a simulated week, by another process", async () => {
    await using sim = await testRuntime({ workflows: (outside) => [flow(outside)] });
    const run = await sim.start(flow(sim.outside), { cents: 20_000 });
    await sim.advance("1w");
    await sim.crash();
    await run.signal("payment", "all");
    await sim.advance("1w");
    expect((await run.explain()).waits.map(({ kind }) => kind)).toContain("approval");
    await run.approve("release", { by: "ada" });
    expect(await run.result()).toEqual([true, "ada"]);
    expect(await sim.violations()).toEqual([]);
  });
});
