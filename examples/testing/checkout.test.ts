// A workflow with an inventory, a payment that races its time-out, and a child that outlives it, under test.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkWorkflow, type Outside, testRuntime } from "../../src/testing.ts";
import { checkoutAt, type Shop } from "../checkout.ts";

const STOCK = 5;

/** A shop whose goods are never more and never fewer than what was done to them says. */
function shopAt({ effects, shared }: Outside): Shop & { left(): number } {
  const stock = shared("stock", () => ({ left: STOCK, reserved: new Map<string, boolean>() }));
  return {
    left: () => stock.left,
    async reserve(count, key) {
      const known = stock.reserved.get(key);
      if (known !== undefined) return known;
      const enough = stock.left >= count;
      if (enough) await effects.apply("reserve", { key, detail: count });
      stock.left -= enough ? count : 0;
      stock.reserved.set(key, enough);
      return enough;
    },
    async giveBack(count, key) {
      if (await effects.apply("give-back", { key, detail: count })) stock.left += count;
    },
    order: (status, key) => effects.apply("order", { key, detail: status }),
    send: (order, key) => effects.apply("send", { key, detail: order }),
  };
}

const atShop = (outside: Outside) => checkoutAt(shopAt(outside));

describe("the checkout", () => {
  it("comes to the same, and keeps its goods together, whatever crashes when", async () => {
    const report = await checkWorkflow(atShop, {
      inputs: fc.integer({ min: 1, max: 7 }),
      runs: 8,
      signals: (count) => (count % 2 === 0 ? [] : [{ name: "paid", after: "1m" }]),
      holds: ({ effects, outcome }) => {
        const sum = (name: string): number =>
          effects
            .filter((effect) => effect.name === name)
            .reduce((all, { detail }) => all + Number(detail), 0);
        const kept = sum("reserve") - sum("give-back");
        const sold = outcome.status === "completed" && outcome.output === "paid";
        return kept > 0 === sold
          ? []
          : [`${kept} are gone, and it ended ${JSON.stringify(outcome)}`];
      },
    });
    expect(report.outcomes.completed).toBe(report.lives);
    expect(report.crashes).toBeGreaterThan(50);
  });

  it("is one, however often it is asked for, and counts a payment that comes before it waits", async () => {
    await using sim = await testRuntime({ workflows: (outside) => atShop(outside) });
    const [checkout] = atShop(sim.outside);
    const first = await sim.start(checkout, 2, { id: "key" });
    const second = await sim.start(checkout, 2, { id: "key" });
    await first.signal("paid", null, { id: "p" });
    await second.signal("paid", null, { id: "p" });
    expect([await first.result(), await second.result()]).toEqual(["paid", "paid"]);
    expect(shopAt(sim.outside).left()).toBe(STOCK - 2);
  });

  it("decides once between a payment and the end of its patience", async () => {
    await using sim = await testRuntime({ workflows: (outside) => atShop(outside) });
    const [checkout] = atShop(sim.outside);
    const run = await sim.start(checkout, 2);
    await sim.advance(119_999);
    await Promise.all([run.signal("paid"), sim.advance(1)]);
    const result = await run.result();
    const events = await run.events();
    const decided = events.filter(({ type }) => type === "wait.matched" || type === "wait.expired");
    expect(decided).toHaveLength(1);
    expect(result).toBe(decided[0]?.type === "wait.matched" ? "paid" : "unpaid");
  });

  it("dispatches after it has ended itself", async () => {
    await using sim = await testRuntime({ workflows: (outside) => atShop(outside) });
    const [checkout] = atShop(sim.outside);
    const run = await sim.start(checkout, 1, { id: "key" });
    await run.signal("paid");
    expect(await run.result()).toBe("paid");
    const sent = () => sim.outside.effects.applied.filter(({ name }) => name === "send");
    expect(sent()).toEqual([]);
    await sim.idle();
    expect(sent()).toMatchObject([{ detail: "order-key" }]);
  });
});
