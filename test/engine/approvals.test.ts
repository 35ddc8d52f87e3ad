/**
 * Approvals: asked for by functions and by graphs, decided by people, and exactly one decision counts. The
 * log says who decided what, when, with which comment; and who tried to and could not.
 */
import { describe, expect, it } from "vitest";
import { graph, type Millrace, type RecordedEvent, workflow } from "../../src/index.ts";
import { ALL_STORES, only, onStores, onVirtualTime, refusal, sleep, until } from "./kit/scene.ts";

const release = workflow("release", (ctx, timeout: string) =>
  ctx.approve("go", { prompt: "release it?", approvers: ["ada", "grace"], timeout }),
);

const order = graph<number>("order")
  .step("price", (_ctx, amount) => amount)
  .approve("spend", {
    needs: ["price"],
    when: ({ price }) => price > 1_000,
    prompt: ({ price }) => `spend ${price}?`,
    approvers: ({ price }) => (price > 5_000 ? ["ada"] : ["ada", "grace"]),
    timeout: "1h",
  })
  .step("pay", { needs: ["price", "spend"] }, (_ctx, { price, spend }) =>
    spend === undefined || spend.approved ? `paid ${price}` : `kept ${price}`,
  )
  .build();

const two = workflow("two", async (ctx) => {
  const [first, second] = await ctx.all([
    ctx.approve("deploy", { prompt: "deploy?" }),
    ctx.approve("deploy", { prompt: "deploy the other one?" }),
  ]);
  return [first.by, second.by];
});

const isAsked = (millrace: Millrace, run: string, name: string) => async (): Promise<boolean> =>
  (await millrace.pendingApprovals()).some((one) => one.run === run && one.name === name);

const ends = (events: readonly RecordedEvent[]): string[] =>
  events.flatMap((event) =>
    event.type === "wait.matched" || event.type === "wait.expired" ? [event.type] : [],
  );

onStores(
  "an approval",
  (scene) => {
    it("of a function is decided once, with its audit trail in the log", async () => {
      const millrace = await scene().open({ workflows: [release], parkAfter: 5 });
      const desk = await scene().open();
      const run = await millrace.start(release, "1h");
      await until("it is asked for", isAsked(desk, run.id, "go"));
      const [asked] = await desk.pendingApprovals({ workflow: "release", by: "grace" });
      expect(asked).toMatchObject({
        ...{ run: run.id, workflow: "release", name: "go", prompt: "release it?" },
        ...{ approvers: ["ada", "grace"], onTimeout: "reject" },
      });
      expect((asked?.due ?? 0) - (asked?.since ?? 0)).toBe(3_600_000);
      const foreign = await refusal(
        desk.approve(run.id, "go", { by: "mallory", comment: "quick" }),
      );
      expect(foreign).toMatchObject({ code: "E_COMMAND_REFUSED" });
      await desk.approve(run.id, "go", { by: "grace", comment: "looks good", id: "d1" });
      expect(await run.result({ timeoutMs: 25_000 })).toMatchObject({
        ...{ approved: true, by: "grace", comment: "looks good", timedOut: false },
      });
      expect(await desk.pendingApprovals()).toEqual([]);
      const events = await scene().log(run.id);
      const [opened] = only(events, "wait.opened");
      expect(opened).toMatchObject({ wait: "go", due: asked?.due });
      expect(opened?.approval).toEqual({
        ...{ prompt: "release it?", approvers: ["ada", "grace"], onTimeout: "reject" },
      });
      const [mallory, grace] = only(events, "signal.received");
      expect(mallory?.decision).toEqual({ approved: true, by: "mallory", comment: "quick" });
      expect(grace?.decision).toEqual({ approved: true, by: "grace", comment: "looks good" });
      expect(only(events, "signal.refused")).toMatchObject([{ signal: mallory?.signal }]);
      expect(only(events, "wait.matched")).toMatchObject([{ wait: "go", signal: "d1" }]);
    });

    it("of a graph asks by what came before it, and its result goes to what needs it", async () => {
      const millrace = await scene().open({ workflows: [order], parkAfter: 5 });
      const [small, middle, large] = await Promise.all(
        [10, 2_000, 7_000].map((amount) => millrace.start(order, amount)),
      );
      expect(await small?.result({ timeoutMs: 25_000 })).toBe("paid 10");
      await until(
        "both are asked for",
        async () => (await millrace.pendingApprovals()).length === 2,
      );
      const forGrace = await millrace.pendingApprovals({ by: "grace" });
      expect(forGrace.map(({ run, prompt }) => [run, prompt])).toEqual([
        [middle?.id, "spend 2000?"],
      ]);
      await middle?.approve("spend", { by: "grace" });
      await large?.reject("spend", { by: "ada", comment: "too much" });
      expect(await middle?.result({ timeoutMs: 25_000 })).toBe("paid 2000");
      expect(await large?.result({ timeoutMs: 25_000 })).toBe("kept 7000");
      const [view] = (await large?.get())?.steps.filter(({ step }) => step === "spend") ?? [];
      expect(view).toMatchObject({ status: "completed", attempt: 0, node: null });
      expect(view?.output).toMatchObject({ json: { approved: false, comment: "too much" } });
    });

    it("beside another of its name is decided by its own", async () => {
      const millrace = await scene().open({ workflows: [two], parkAfter: 5 });
      const run = await millrace.start(two);
      await until("both are asked for", isAsked(millrace, run.id, "deploy#2"));
      await run.approve("deploy#2", { by: "ada" });
      await until("one is left", async () => (await millrace.pendingApprovals()).length === 1);
      await run.approve("deploy", { by: "grace" });
      expect(await run.result({ timeoutMs: 25_000 })).toEqual(["grace", "ada"]);
    });

    it("takes a decision that came before it, also before its run", async () => {
      const millrace = await scene().open({ workflows: [release] });
      await millrace.approve("early", "go", { by: "mallory" });
      await millrace.reject("early", "go", { by: "ada", comment: "never" });
      await millrace.approve("early", "go", { by: "grace" });
      const run = await millrace.start(release, "1h", { id: "early" });
      expect(await run.result({ timeoutMs: 25_000 })).toMatchObject({ approved: false, by: "ada" });
      const events = await scene().log("early");
      expect(ends(events)).toEqual(["wait.matched"]);
      expect(only(events, "signal.refused").map(({ reason }) => reason)[0]).toContain("mallory");
    });

    it("racing its deadline ends once, and the log says how", async () => {
      const race = workflow("race", async (ctx) => {
        const { timedOut } = await ctx.approve("now", { prompt: "now?", timeout: 25 });
        return timedOut ? "wait.expired" : "wait.matched";
      });
      const millrace = await scene().open({ workflows: [race], parkAfter: 10 });
      const desk = await scene().open();
      const runs = await Promise.all(Array.from({ length: 30 }, () => millrace.start(race)));
      await Promise.all(
        runs.map(async ({ id }, nth) => {
          await sleep(nth * 2);
          // It may be over by then.
          await desk.approve(id, "now", { by: "ada" }).catch(String);
        }),
      );
      for (const run of runs) {
        const how = await run.result({ timeoutMs: 25_000 });
        expect(ends(await scene().log(run.id))).toEqual([how]);
      }
    });

    it("decided twice, by two people at once, stays as the first decided it", async () => {
      const [one, other] = [await scene().open({ workflows: [release] }), await scene().open()];
      const run = await one.start(release, "1h");
      await until("it is asked for", isAsked(other, run.id, "go"));
      const tries = await Promise.allSettled([
        one.approve(run.id, "go", { by: "ada" }),
        other.reject(run.id, "go", { by: "grace" }),
      ]);
      expect(tries.some(({ status }) => status === "fulfilled")).toBe(true);
      const result = await run.result({ timeoutMs: 25_000 });
      const events = await scene().log(run.id);
      const [matched, ...others] = only(events, "wait.matched");
      expect(others).toEqual([]);
      const winner = only(events, "signal.received").find(
        ({ signal }) => signal === matched?.signal,
      );
      expect(result).toMatchObject({
        approved: winner?.decision?.approved,
        by: winner?.decision?.by,
      });
    });
  },
  ALL_STORES,
);

onVirtualTime("an approval's deadline", (scene, time) => {
  it.each([
    ["reject", { approved: false, by: null, comment: null, timedOut: true }],
    ["approve", { approved: true, by: null, comment: null, timedOut: true }],
  ] as const)("that passes means %s, at that time", async (onTimeout, outcome) => {
    const code = workflow("code", (ctx) =>
      ctx.approve("go", { prompt: "?", timeout: "10m", onTimeout }),
    );
    const steps = graph("steps").approve("go", { prompt: "?", timeout: "10m", onTimeout }).build();
    const millrace = await scene().open({ workflows: [code, steps] });
    for (const run of [await millrace.start(code), await millrace.start(steps)]) {
      const result = await time().until(run.result());
      const events = await scene().log(run.id);
      const [[opened], [expired]] = [only(events, "wait.opened"), only(events, "wait.expired")];
      expect(opened?.due).toBe((opened?.at ?? 0) + 600_000);
      expect(expired?.at).toBe(opened?.due);
      expect(result).toEqual({ ...outcome, at: opened?.due });
    }
  });

  it("that passes fails the run, when that is what it means", async () => {
    const options = { prompt: "?", timeout: "10m", onTimeout: "fail" } as const;
    const code = workflow("code", (ctx) => ctx.approve("go", options));
    const steps = graph("steps").approve("go", options).build();
    const millrace = await scene().open({ workflows: [code, steps] });
    for (const run of [await millrace.start(code), await millrace.start(steps)]) {
      const failed = await time().until(refusal(run.result()));
      expect(String(failed)).toContain("nobody decided approval go in time");
      const [end] = only(await scene().log(run.id), "run.failed");
      expect([end?.error.code, end?.error.cause?.code]).toContain("E_TIMEOUT");
    }
  });

  it("passes while the run is paused; who decides before it goes on is in time", async () => {
    const millrace = await scene().open({ workflows: [release] });
    const [late, decided] = [
      await millrace.start(release, "10m"),
      await millrace.start(release, "10m"),
    ];
    await time().pass(60_000);
    for (const run of [late, decided]) await run.pause();
    await time().pass(1_200_000);
    await decided.approve("go", { by: "ada" });
    await time().pass(60_000);
    expect(ends(await scene().log())).toEqual([]);
    for (const run of [late, decided]) await run.resume();
    expect(await time().until(late.result())).toMatchObject({ approved: false, timedOut: true });
    expect(await time().until(decided.result())).toMatchObject({ approved: true, by: "ada" });
  });
});

onVirtualTime("a decision", (scene, time) => {
  it("about what nobody asks is kept, and shown; about what is no approval refused", async () => {
    const flow = workflow("flow", async (ctx) => {
      await ctx.waitFor("word");
      return ctx.approve("later", { prompt: "?" });
    });
    const millrace = await scene().open({ workflows: [flow] });
    const run = await millrace.start(flow);
    await time().pass(10_000);
    await run.approve("later", { by: "ada" });
    expect(await refusal(run.approve("word", { by: "ada" }))).toMatchObject({
      message: expect.stringContaining("waits for a signal, not for a decision") as string,
    });
    await time().pass(10_000);
    const { kept } = await millrace.explain(run.id);
    expect(kept).toMatchObject([{ name: "later", decision: { approved: true, by: "ada" } }]);
    await run.signal("word");
    expect(await time().until(run.result())).toMatchObject({ approved: true, by: "ada" });
  });

  it("about a step of a graph that is none, was skipped, or was decided is refused", async () => {
    const flow = graph("flow")
      .step("plain", () => 1)
      .approve("never", { prompt: "?", when: () => false })
      .approve("first", { prompt: "?" })
      .approve("last", { needs: ["first"], prompt: "?" })
      .build();
    const millrace = await scene().open({ workflows: [flow] });
    const run = await millrace.start(flow);
    await time().pass(10_000);
    await run.approve("first", { by: "ada", id: "mine" });
    await time().pass(10_000);
    await run.approve("first", { by: "ada", id: "mine" });
    for (const [name, why] of [
      ["plain", "is no approval"],
      ["nobody", "is no approval"],
      ["never", "was skipped"],
      ["first", "was approved by ada before"],
    ] as const) {
      expect(String(await refusal(run.reject(name, { by: "grace" })))).toContain(why);
    }
    await time().pass(10_000);
    expect(only(await scene().log(run.id), "signal.refused")).toHaveLength(4);
    await run.approve("last", { by: "ada" });
    await time().until(run.result());
    expect(await refusal(run.approve("last", { by: "grace" }))).toMatchObject({
      code: "E_COMMAND_REFUSED",
    });
  });

  it("is none that an ordinary signal could make", async () => {
    const millrace = await scene().open({ workflows: [release] });
    const run = await millrace.start(release, "10m");
    await time().pass(10_000);
    await run.signal("go", { approved: true, by: "ada" });
    await time().pass(10_000);
    expect((await millrace.explain(run.id)).kept).toMatchObject([{ name: "go" }]);
    expect(await time().until(run.result())).toMatchObject({ approved: false, timedOut: true });
  });
});

describe("what is wrong with an approval", () => {
  it.each([
    ["no question", {}],
    ["an empty question", { prompt: " " }],
    ["nobody who may decide", { prompt: "?", approvers: [] }],
    ["somebody without a name", { prompt: "?", approvers: [""] }],
    ["another word for what then", { prompt: "?", timeout: "1h", onTimeout: "wait" }],
    ["a what then without a when", { prompt: "?", onTimeout: "approve" }],
    ["an unknown option", { prompt: "?", aprovers: ["ada"] }],
  ])("%s is refused", (_what, options) => {
    expect(() => graph("w").approve("go", options as never)).toThrow(
      expect.objectContaining({ code: "E_DEF_INVALID" }) as Error,
    );
  });
});
