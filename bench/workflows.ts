/** The workflows that are measured; the worker processes of the benchmarks load this file too. */
import { graph, workflow } from "../src/index.ts";

/** Ten durable steps that do nothing, one after the other, with 20-byte results. */
export const sequential = workflow("sequential", async (ctx) => {
  for (let step = 0; step < 10; step++) await ctx.run("noop", () => "twenty-byte-result!!");
  return "done";
});

/** The same as a graph. */
export const chain = Array.from({ length: 10 }, (_, index) => index)
  .reduce(
    (built, index) =>
      index === 0
        ? built.step("s0", () => "twenty-byte-result!!")
        : built.step(`s${index}`, { needs: [`s${index - 1}`] }, () => {
            if (index === 9) tellDone();
            return "twenty-byte-result!!";
          }),
    graph("chain") as unknown as LooseGraph,
  )
  .build();

/** Steps of a nap, and how long each sleeps (ms). */
export const [NAPS, NAP_MS] = [20, 20];

/** Steps one after the other that take time and no CPU. */
export const napping = Array.from({ length: NAPS }, (_, index) => index)
  .reduce(
    (built, index) =>
      built.step(`n${index}`, { needs: index === 0 ? [] : [`n${index - 1}`] }, async () => {
        await nap();
        if (index === NAPS - 1) tellDone();
      }),
    graph("napping") as unknown as LooseGraph,
  )
  .build();

/** The builder without its step types, for graphs made in a loop. */
interface LooseGraph {
  step(name: string, fn: () => unknown): LooseGraph;
  step(name: string, options: { needs: string[] }, fn: () => unknown): LooseGraph;
  build(): ReturnType<ReturnType<typeof graph>["build"]>;
}

/** One step. */
export const single = workflow("single", async (ctx) => ctx.run("noop", () => "done"));

function nap(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, NAP_MS));
}

/** A worker process tells its parent that a run is at its end: that costs less than following the log. */
function tellDone(): void {
  process.send?.("done");
}
