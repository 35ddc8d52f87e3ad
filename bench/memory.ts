/** Heap that an idle hosted run holds: many runs whose only step waits, in one process. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { open, workflow } from "../src/index.ts";

const RUNS = 2_000;

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

const heap = (): number => {
  collect();
  collect();
  return process.memoryUsage().heapUsed;
};

/** Hosted runs that wait inside a step: nothing happens, and their host keeps all that it needs. */
export async function idleRunBytes(): Promise<{ runs: number; bytesPerRun: number }> {
  let arrived = 0;
  const waiting = workflow("waiting", (ctx) =>
    ctx.run("wait", (step) => {
      arrived++;
      return new Promise<void>((resolve) => step.signal.addEventListener("abort", () => resolve()));
    }),
  );
  const millrace = await open({
    store: "memory",
    workflows: [waiting],
    worker: { steps: RUNS, runs: RUNS },
    stopGrace: 0,
  });
  await (async () => {
    for (let run = 0; run < 20; run++) await millrace.start(waiting);
  })();
  while (arrived < 20) await new Promise((resolve) => setTimeout(resolve, 5));
  const before = heap();
  for (let run = 20; run < RUNS; run++) await millrace.start(waiting);
  while (arrived < RUNS) await new Promise((resolve) => setTimeout(resolve, 5));
  const bytesPerRun = Math.round((heap() - before) / (RUNS - 20));
  await millrace.close();
  return { runs: RUNS, bytesPerRun };
}
