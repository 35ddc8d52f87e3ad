/** Throughput: many runs of ten steps that do nothing, 50 at a time, in one worker process. */
import type { Millrace, Workflow } from "../src/index.ts";
import { cpuSeconds, inParallel, percentile, rounded } from "./measure.ts";

const STEPS = 10;
const WARM_UP = 200;

export interface Throughput {
  readonly runs: number;
  readonly concurrency: number;
  readonly stepsPerSecond: number;
  readonly runP50Ms: number;
  readonly runP99Ms: number;
  /** Of the worker (the client is in the same process) and of its server. */
  readonly cpuSecondsPer1000Steps: number;
  readonly workerCpuSecondsPer1000Steps: number;
}

/** @param serverPid process of the store's server, if it has one */
export async function throughput(
  millrace: Millrace,
  workflow: Workflow<unknown>,
  options: { runs: number; concurrency: number; serverPid?: number | undefined },
): Promise<Throughput> {
  const { runs, concurrency, serverPid } = options;
  const one = async (): Promise<number> => {
    const began = performance.now();
    await (await millrace.start(workflow.name, null)).result();
    return performance.now() - began;
  };
  // What is measured is a worker that has been running for a while, not the compiler.
  await inParallel(concurrency * 10, concurrency, async () => void (await one()));
  const used = (): number => (serverPid === undefined ? 0 : cpuSeconds(serverPid));
  const [serverBefore, cpuBefore, began] = [used(), process.cpuUsage(), performance.now()];
  const latencies: number[] = [];
  await inParallel(runs, concurrency, async () => void latencies.push(await one()));
  const seconds = (performance.now() - began) / 1000;
  const cpu = process.cpuUsage(cpuBefore);
  const worker = (cpu.user + cpu.system) / 1e6;
  const per1000 = 1000 / (runs * STEPS);
  return {
    runs,
    concurrency,
    stepsPerSecond: Math.round((runs * STEPS) / seconds),
    runP50Ms: rounded(percentile(latencies, 0.5)),
    runP99Ms: rounded(percentile(latencies, 0.99)),
    cpuSecondsPer1000Steps: rounded((worker + used() - serverBefore) * per1000, 3),
    workerCpuSecondsPer1000Steps: rounded(worker * per1000, 3),
  };
}

/** Latency: a run of one step on an idle system, again and again, from start to result. */
export async function latency(
  millrace: Millrace,
  workflow: Workflow<unknown>,
  runs: number,
): Promise<{ runs: number; p50Ms: number; p99Ms: number }> {
  const samples: number[] = [];
  for (let run = 0; run < runs + WARM_UP; run++) {
    const began = performance.now();
    await (await millrace.start(workflow.name, null)).result();
    if (run >= WARM_UP) samples.push(performance.now() - began);
  }
  return {
    runs,
    p50Ms: rounded(percentile(samples, 0.5)),
    p99Ms: rounded(percentile(samples, 0.99)),
  };
}
