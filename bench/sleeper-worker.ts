/**
 * The worker of the sleepers: hosts their runs until it is told to end, and says how much memory it takes.
 * `node --expose-gc bench/sleeper-worker.ts STORE`
 */
import { open } from "../src/index.ts";
import { sleeper } from "./sleeper-workflow.ts";

const [store = "memory"] = process.argv.slice(2);
const millrace = await open({ store, workflows: [sleeper], parkAfter: "20ms" });

/** What is left when nothing is garbage. */
async function memory(): Promise<{ hosted: number; heapMb: number; rssMb: number }> {
  for (let round = 0; round < 4; round++) {
    globalThis.gc?.();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const { heapUsed, rss, external } = process.memoryUsage();
  const mb = 1024 ** 2;
  return { hosted: millrace.hosted, heapMb: (heapUsed + external) / mb, rssMb: rss / mb };
}

process.on("message", async (asked) => {
  if (asked === "memory") process.send?.(await memory());
  else {
    await millrace.close();
    process.disconnect?.();
  }
});
process.send?.("ready");
