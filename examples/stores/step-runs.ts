/**
 * The step-run store: three workers race for the steps of an order; each step is executed once, in
 * whatever process. Prints: order-1: charge, ship; executed 2 times by 3 workers
 */
import { open } from "../../src/index.ts";

const millrace = await open({ store: "memory" });
const { stepRuns } = millrace.stores;
let executed = 0;

/** What every worker does with a step: claim it, execute it if the claim is its own. */
async function work(run: string, step: string): Promise<void> {
  const claim = await stepRuns.beginStep(run, step, { order: run });
  if (!claim.execute) return;
  executed++;
  await stepRuns.completeStep(claim.stepRun.id, claim.fence, { step, done: true });
}

await stepRuns.createRun("order-1", { workflow: "order", steps: ["charge", "ship"] });
for (const step of ["charge", "ship"]) {
  await Promise.all([work("order-1", step), work("order-1", step), work("order-1", step)]);
}
const steps = await stepRuns.completedSteps("order-1");
console.log(`order-1: ${steps.join(", ")}; executed ${executed} times by 3 workers`);
await millrace.close();
