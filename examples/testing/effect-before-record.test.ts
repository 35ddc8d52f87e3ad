// A deliberately wrong workflow: it pays before it is recorded that it paid, and gives the bank no key. That
// goes well until a process dies between the two. The check finds it, and says where.
import fc from "fast-check";
import { expect, it } from "vitest";
import { workflow } from "../../src/index.ts";
import { checkWorkflow, type Outside } from "../../src/testing.ts";

interface Order {
  readonly items: readonly string[];
  readonly coupon: boolean;
}

const orderAt = ({ effects }: Outside) =>
  workflow("order", async (ctx, { items, coupon }: Order) => {
    const cents = items.length * 900;
    const key = await ctx.run("reserve", async (step) => {
      await effects.apply("reserve", { key: step.idempotencyKey, detail: items.length });
      return step.idempotencyKey;
    });
    // Orders of several things with a coupon go another way than others, and there the key is missing.
    if (items.length < 3 || !coupon) {
      await ctx.run("bill", () => effects.apply("charge", { key, detail: cents }));
    } else {
      await ctx.run("bill", () => effects.apply("charge", { detail: cents }));
    }
    await ctx.sleep("cool-off", "2w");
    return ctx.run("ship", () => items.length);
  });

const orders = fc.record({
  items: fc.array(fc.constantFrom("pen", "ink", "paper"), { maxLength: 6 }),
  coupon: fc.boolean(),
});

it("is found out within 1,000 lives, and shrunk to the least order and one crash", async () => {
  let lives = 0;
  const holds = () => {
    lives++;
    return undefined;
  };
  const failure = await checkWorkflow(orderAt, { inputs: orders, runs: 1_000, holds }).then(
    () => "nothing was found",
    (error: Error) => error.message,
  );
  expect(failure).toContain("effect charge 2700 was applied 2 times, undisturbed once");
  expect(failure).toContain("hand it ctx.idempotencyKey");
  expect(failure).toContain('input   {"items":["pen","pen","pen"],"coupon":true}');
  expect(failure).toContain('sim.crashAt({ commit: 3, side: "before" })');
  expect(lives).toBeLessThan(1_000);
});

it("keeps its word once the bank is given a key", async () => {
  const mended = ({ effects }: Outside) =>
    workflow("order", async (ctx, { items }: Order) => {
      await ctx.run("bill", (step) =>
        effects.apply("charge", { key: step.idempotencyKey, detail: items.length * 900 }),
      );
      await ctx.sleep("cool-off", "2w");
      return ctx.run("ship", () => items.length);
    });
  const report = await checkWorkflow(mended, { inputs: orders, runs: 5 });
  expect(report.outcomes.completed).toBe(report.lives);
});
