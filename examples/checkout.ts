/**
 * A checkout: inventory is reserved, an order made, and a payment waited for, two minutes at most. A paid
 * order is dispatched by a run of its own, which goes on when the checkout has ended; an unpaid one is
 * cancelled and its goods are returned. The key of the request is the run's id, so a request that is sent
 * twice is one checkout. `examples/testing/checkout.test.ts` crashes it at every commit.
 * Prints: key-1: paid, 2 left; key-1 again: paid, 2 left; key-2: sold out, 2 left; key-3: unpaid, 2 left
 */
import { open, workflow } from "../src/index.ts";

/** A shop's goods and orders. The same key again is the same deed. */
export interface Shop {
  /** False: there is not so much. */
  reserve(count: number, key: string): Promise<boolean>;
  giveBack(count: number, key: string): Promise<unknown>;
  order(status: "open" | "paid" | "cancelled", key: string): Promise<unknown>;
  send(order: string, key: string): Promise<unknown>;
}

export const dispatchFrom = (shop: Shop) =>
  workflow("dispatch", async (ctx, order: string) => {
    await ctx.sleep("pack", "1h");
    return ctx.run("send", async (step) => {
      await shop.send(order, step.idempotencyKey);
      return `sent ${order}`;
    });
  });

/** How a checkout ends. */
export type Checkout = "sold out" | "paid" | "unpaid";

export const checkoutAt = (shop: Shop, patience = 120_000) => {
  const dispatch = dispatchFrom(shop);
  const checkout = workflow("checkout", async (ctx, count: number): Promise<Checkout> => {
    const reserved = await ctx.run("reserve", (step) => shop.reserve(count, step.idempotencyKey));
    if (!reserved) return "sold out";
    const order = await ctx.run("order", async (step) => {
      await shop.order("open", step.idempotencyKey);
      await step.emit("payment", { id: `payment-${ctx.runId}` });
      return `order-${ctx.runId}`;
    });
    const paid = await ctx.waitFor("paid", { timeout: patience });
    if (paid !== undefined) {
      await ctx.run("mark-paid", (step) =>
        shop.order("paid", step.idempotencyKey).then(() => null),
      );
      ctx.startChild("dispatch", dispatch, order, { onParentClose: "abandon" });
      return "paid";
    }
    await ctx.run("cancel", (step) =>
      shop.order("cancelled", step.idempotencyKey).then(() => null),
    );
    await ctx.run("give-back", (step) =>
      shop.giveBack(count, step.idempotencyKey).then(() => null),
    );
    return "unpaid";
  });
  return [checkout, dispatch] as const;
};

if (import.meta.main) {
  let left = 5;
  const [checkout, dispatch] = checkoutAt(
    {
      async reserve(count) {
        if (left < count) return false;
        left -= count;
        return true;
      },
      async giveBack(count) {
        left += count;
      },
      order: async () => undefined,
      send: async () => undefined,
    },
    200,
  );
  const store = process.env["MILLRACE_STORE"] ?? "memory";
  await using millrace = await open({ store, workflows: [checkout, dispatch] });
  const lines: string[] = [];
  const request = async (key: string, count: number, pays: boolean): Promise<void> => {
    const run = await millrace.start(checkout, count, { id: key });
    // Paid before anybody waits for it, and once more: it counts once.
    for (const _ of pays ? [1, 2] : []) await run.signal("paid", null, { id: `pay-${key}` });
    const again = lines.some((line) => line.startsWith(key)) ? " again" : "";
    lines.push(`${key}${again}: ${await run.result()}, ${left} left`);
  };
  await request("key-1", 3, true);
  await request("key-1", 3, true);
  await request("key-2", 3, false);
  await request("key-3", 1, false);
  console.log(lines.join("; "));
}
