/**
 * A run is forked where it got its answer, with the opposite one. What it had done is not done again.
 *
 *   node examples/fork.ts
 *
 * Prints: paid, then refused; advised once
 */
import { open, workflow } from "../src/index.ts";

let advised = 0;
const claim = workflow("claim", async (ctx, amount: number) => {
  await ctx.run("advise", () => `${++advised}: ask about ${amount}`);
  const answer = await ctx.waitFor<boolean>("approval");
  return answer ? ctx.run("pay", () => "paid") : "refused";
});

await using millrace = await open({ store: "memory", workflows: [claim] });
const run = await millrace.start(claim, 5_000);
for await (const event of run.events()) if (event.type === "wait.opened") break;
await run.signal("approval", true);
const first = await run.result();

const fork = await millrace.fork(run.id, { signal: { name: "approval", payload: false } });
console.log(`${first}, then ${await fork.result()}; advised ${advised === 1 ? "once" : "twice"}`);
