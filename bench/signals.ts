/**
 * From a signal to the reaction: a run that is parked, hosted by nobody, is told something on an otherwise
 * idle system, by a client on connections of its own; until the code of the step that follows begins.
 */
import { type Millrace, open, workflow } from "../src/index.ts";
import { percentile, rounded } from "./measure.ts";

/** Times between the call of `signal` and the first line of the step's code (ms). */
export interface SignalTimes {
  readonly signals: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const SIGNALS = 300;
const WARM_UP = 100;

/** @param store its address */
export async function signalTimes(store: string): Promise<SignalTimes> {
  let reacted: (at: number) => void = () => undefined;
  const listening = workflow("listening", async (ctx) => {
    await ctx.waitFor("ping");
    await ctx.run("pong", () => reacted(performance.now()));
  });
  const worker = await open({ store, workflows: [listening] });
  const client = await open({ store });
  try {
    const samples: number[] = [];
    for (let nth = 0; nth < WARM_UP + SIGNALS; nth++) {
      const { id } = await worker.start(listening);
      await parked(worker, id);
      const reaction = new Promise<number>((resolve) => {
        reacted = resolve;
      });
      const began = performance.now();
      await client.signal(id, "ping");
      const took = (await reaction) - began;
      if (nth >= WARM_UP) samples.push(took);
    }
    return {
      signals: SIGNALS,
      p50Ms: rounded(percentile(samples, 0.5)),
      p99Ms: rounded(percentile(samples, 0.99)),
    };
  } finally {
    await client.close();
    await worker.close();
  }
}

/** Resolves when nobody hosts it, and what that took is over. */
async function parked(worker: Millrace, run: string): Promise<void> {
  while (worker.hosted > 0 || (await worker.get(run)).status !== "parked") {
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  await new Promise((resolve) => setTimeout(resolve, 5));
}
