/** Graphs: conditions, fan-outs over lists of every length, and joins of what was skipped. */
import { expect, it } from "vitest";
import { graph, type MillraceError } from "../../src/index.ts";
import { only, onStores, outline, refusal, sleep, until } from "./kit/scene.ts";

onStores("a condition", (scene) => {
  const flow = graph<{ go: boolean }>("conditional")
    .step("root", (_ctx, input) => input)
    .step("maybe", { needs: ["root"], when: ({ root }) => root.go }, () => "ran")
    .step("after", { needs: ["maybe"] }, (_ctx, { maybe }) => maybe ?? "nothing")
    .map("items", { over: "lists" as never }, (_ctx, item) => item)
    .step("lists", { needs: ["root"], when: ({ root }) => root.go }, () => [1, 2])
    .step("join", { needs: ["after", "items"] }, (_ctx, { after, items }) => [after, items])
    .build();

  it("that is true lets its step run", async () => {
    const millrace = await scene().open({ workflows: [flow] });
    const run = await millrace.start(flow, { go: true });
    expect(await run.result()).toEqual(["ran", [1, 2]]);
  });

  it("that is false skips it, and its successors get nothing from it", async () => {
    const millrace = await scene().open({ workflows: [flow] });
    const run = await millrace.start(flow, { go: false });
    expect(await run.result()).toEqual(["nothing", []]);
    const { steps } = await run.get();
    const skipped = steps.filter(({ status }) => status === "skipped").map(({ step }) => step);
    expect(skipped).toEqual(["maybe", "lists"]);
    expect(only(await scene().log(run.id), "step.started").map(({ step }) => step)).not.toContain(
      "maybe",
    );
  });

  const broken: readonly (readonly [string, () => unknown, string])[] = [
    [
      "throws",
      () => {
        throw new TypeError("no idea");
      },
      "no idea",
    ],
    ["returns a promise", () => Promise.resolve(true), "true or false"],
    ["returns nothing", () => undefined, "true or false"],
  ];

  it.each(broken)("that %s fails its step, once", async (_what, when, message) => {
    const asking = graph("asking")
      .step("only", { when: when as () => boolean }, () => "never")
      .build();
    const millrace = await scene().open({ workflows: [asking] });
    const run = await millrace.start(asking);
    const error = (await refusal(run.result())) as MillraceError;
    expect(error.message).toContain(message);
    expect(only(await scene().log(run.id), "step.started")).toEqual([]);
  });
});

onStores("a fan-out", (scene) => {
  it("over an empty list is an empty list", async () => {
    const flow = graph("empty")
      .step("list", () => [] as number[])
      .map("work", { over: "list" }, () => "never")
      .map("more", { over: "work" }, () => "never")
      .step("join", { needs: ["work", "more"] }, (_ctx, { work, more }) => [work, more])
      .build();
    const millrace = await scene().open({ workflows: [flow] });
    expect(await (await millrace.start(flow)).result()).toEqual([[], []]);
  });

  it.each([
    ["an object", { length: 2 }],
    ["text", "ab"],
    ["nothing", null],
    ["a number", 2],
  ])("over %s fails, and says over what", async (_what, result) => {
    const flow = graph("no-list")
      .step("list", () => result as unknown as number[])
      .map("work", { over: "list" }, () => "never")
      .build();
    const millrace = await scene().open({ workflows: [flow] });
    const run = await millrace.start(flow);
    const error = (await refusal(run.result())) as MillraceError;
    expect(error.message).toContain("step work maps over list, which did not return a list");
  });

  it("never runs more items at once than its concurrency, in order, also when they are retried", async () => {
    let [now, most] = [0, 0];
    const begun: number[] = [];
    const flow = graph("narrow")
      .step("list", () => Array.from({ length: 30 }, (_, index) => index))
      .map(
        "work",
        { over: "list", concurrency: 3, retry: { initial: 1, maxAttempts: 3 } },
        async (ctx, item: number) => {
          most = Math.max(most, ++now);
          if (ctx.attempt === 1) begun.push(item);
          await sleep(item % 3);
          now--;
          if (item % 5 === 0 && ctx.attempt < 3) throw new Error("again");
          return item;
        },
      )
      .build();
    const millrace = await scene().open({ workflows: [flow], worker: { steps: 10 } });
    const run = await millrace.start(flow);
    expect(await run.result()).toEqual(Array.from({ length: 30 }, (_, index) => index));
    expect(most).toBe(3);
    expect(begun).toEqual(Array.from({ length: 30 }, (_, index) => index));
  });

  it("of which one item fails for good fails the run, and stops the others", async () => {
    const aborted: number[] = [];
    let begun = 0;
    const flow = graph("one-bad")
      .step("list", () => [0, 1, 2, 3])
      .map("work", { over: "list", retry: { maxAttempts: 1 } }, async (ctx, item: number) => {
        begun++;
        if (item === 2) {
          await until("all have begun", () => begun === 4);
          throw new Error("item 2");
        }
        ctx.signal.addEventListener("abort", () => aborted.push(item));
        return new Promise(() => undefined);
      })
      .build();
    const millrace = await scene().open({ workflows: [flow] });
    const run = await millrace.start(flow);
    const error = (await refusal(run.result())) as MillraceError;
    expect(error.message).toContain("step work[2] failed: item 2");
    await until("the others have heard of it", () => aborted.length === 3);
    expect(aborted.toSorted()).toEqual([0, 1, 3]);
    expect(outline(await scene().log(run.id)).slice(-5)).toEqual([
      "step.cancelled work[0]",
      "step.cancelled work[1]",
      "step.cancelled work[3]",
      "step.cancelled work",
      "run.failed",
    ]);
  });

  it("of 2,000 items goes through 64 slots, and every item once", async () => {
    const counts = new Map<number, number>();
    const flow = graph("wide")
      .step("list", () => Array.from({ length: 2_000 }, (_, index) => index))
      .map("work", { over: "list" }, (_ctx, item: number) => {
        counts.set(item, (counts.get(item) ?? 0) + 1);
        return item;
      })
      .step("sum", { needs: ["work"] }, (_ctx, { work }) => work.reduce((a, b) => a + b, 0))
      .build();
    const millrace = await scene().open({ workflows: [flow], worker: { steps: 64 } });
    const run = await millrace.start(flow);
    expect(await run.result({ timeoutMs: 25_000 })).toBe(1_999_000);
    expect(counts.size).toBe(2_000);
    expect(new Set(counts.values())).toEqual(new Set([1]));
  });
});
