/**
 * An agent that asks a person before it spends much: it waits for the answer of this very request, and
 * escalates when none comes in time. While it waits, no process holds it, and `explain` says for whom.
 * `examples/testing/agent-approval.test.ts` crashes it at every commit.
 * Prints: 900: paid; 5000: approved by Grace; 7000: escalated
 */
import { open, workflow } from "../src/index.ts";

interface Answer {
  readonly request: string;
  readonly by: string;
}

export const spend = workflow("spend", async (ctx, amount: number) => {
  const request = await ctx.run("draft", (step) => `request-${step.run.id}`);
  if (amount < 1_000) return ctx.run("pay", () => `${amount}: paid`);
  const answer = await ctx.waitFor<Answer>("approval", {
    timeout: amount > 6_000 ? "100ms" : "1h",
    where: (payload) => (payload as Answer).request === request,
  });
  if (answer === undefined) return ctx.run("escalate", () => `${amount}: escalated`);
  return ctx.run("pay", () => `${amount}: approved by ${answer.by}`);
});

if (import.meta.main) {
  const store = process.env["MILLRACE_STORE"] ?? "memory";
  const millrace = await open({ store, workflows: [spend], parkAfter: "20ms" });
  const small = await millrace.start(spend, 900);
  const large = await millrace.start(spend, 5_000);
  const late = await millrace.start(spend, 7_000);
  await large.signal("approval", { request: "request-of-another", by: "Mallory" });
  await large.signal("approval", { request: `request-${large.id}`, by: "Grace" });
  const ends = await Promise.all([small.result(), large.result(), late.result()]);
  console.log(ends.join("; "));
  await millrace.close();
}
