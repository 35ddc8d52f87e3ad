/**
 * Many worker processes on one store: what four of them do beside one.
 *
 *   node bench/cluster.ts [--stores sqlite,nats] [--instances PATH] [--json]
 *
 * Steps that take time and no CPU go as much quicker as there are slots; steps that take neither are bound by
 * the CPUs, so more processes must only not make them slower; recorded workflows keep to Graham's bound.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startNatsServer } from "../scripts/nats-server.ts";
import { type Millrace, open, type RecordedEvent } from "../src/index.ts";
import { deferred } from "../src/kernel/async.ts";
import { pause, systemClock } from "../src/kernel/clock.ts";
import { systemIds } from "../src/kernel/ids.ts";
import { readInstance } from "../src/wfformat/instance.ts";
import { replayOf } from "../src/wfformat/replay.ts";
import { cpuSeconds, inParallel, rounded } from "./measure.ts";
import { instancesIn, measured, type Replayed } from "./wfformat.ts";
import { chain, NAPS, napping } from "./workflows.ts";

/** The same load for each process, with one of them and with four. */
export interface Beside {
  /** Steps per second, and how many times as many four do. */
  readonly one: number;
  readonly four: number;
  readonly ratio: number;
  /** CPU seconds of all workers and the store's server per 1,000 steps: what holds on a busy machine. */
  readonly cpuOne: number;
  readonly cpuFour: number;
}

export interface ClusterTimes {
  /** Steps that sleep 20 ms, 50 slots in each process: four should be 3.5 times one or more. */
  readonly sleeping: Beside;
  /** Steps that do nothing: four should not be slower than one. */
  readonly free: Beside;
  /** `ofAllowed` must not be above 1, with one process of 16 slots and with four of 4. */
  readonly wfformat: readonly (Replayed & { readonly workers: number })[];
}

const clock = systemClock();
const WORKER = new URL("cluster-worker.ts", import.meta.url).pathname;
/** Runs are those of one worker: four get four times as many, and so have as long to warm up and to go on. */
const [SLOTS, SLEEPERS, CHAINS, CHAIN_STEPS] = [50, 400, 2_000, 10];
const [WF_SLOTS, WF_SCALE] = [16, 0.01];

/** So many workers on a log of their own, all of them up, while `work` is done. */
async function withWorkers<T>(
  { store, count, slots, files }: Load,
  work: (client: Millrace, workers: readonly ChildProcess[]) => Promise<T>,
): Promise<T> {
  const namespace = `bench-${systemIds()}`;
  const names = Array.from({ length: count }, (_, nth) => `worker-${nth}`);
  const workers = names.map((name): ChildProcess => {
    const args = [WORKER, store, namespace, name, String(slots), String(WF_SCALE), ...files];
    return spawn(process.execPath, args, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  });
  const client = await open({ store, namespace, workflows: [napping, chain], worker: false });
  try {
    while ((await client.nodes()).length < count) await pause(clock, 50);
    return await work(client, workers);
  } finally {
    const gone = workers.map((worker) => once(worker, "exit"));
    for (const worker of workers) worker.kill("SIGTERM");
    await Promise.all(gone);
    await client.close();
  }
}

/** Where the store is, and the process of its server if it has one. */
export interface Place {
  readonly store: string;
  readonly serverPid: number | undefined;
}

interface Load {
  readonly store: string;
  readonly count: number;
  readonly slots: number;
  readonly files: readonly string[];
}

/** Runs of the workflow until all are at their end, from the first start on. @returns runs per second */
async function runsPerSecond(
  client: Millrace,
  workers: readonly ChildProcess[],
  { workflow, runs }: { workflow: string; runs: number },
): Promise<number> {
  let left = runs;
  const ended = deferred<void>();
  const count = (): void => {
    if (--left === 0) ended.resolve();
  };
  for (const worker of workers) worker.on("message", count);
  const began = performance.now();
  await inParallel(runs, 100, async () => void (await client.start(workflow, null)));
  await ended.promise;
  for (const worker of workers) worker.off("message", count);
  return (1_000 * runs) / (performance.now() - began);
}

async function beside(
  { store, serverPid }: Place,
  { workflow, runsEach, steps }: { workflow: string; runsEach: number; steps: number },
): Promise<Beside> {
  const found: { rate: number; cpu: number }[] = [];
  for (const count of [1, 4]) {
    const load = { store, count, slots: SLOTS, files: [] };
    const runs = runsEach * count;
    const one = await withWorkers(load, async (client, workers) => {
      // What is measured are workers that have been running for a while, not the compiler.
      await runsPerSecond(client, workers, { workflow, runs });
      const all = [...workers.map(({ pid }) => pid), serverPid];
      const pids = all.filter((pid) => pid !== undefined);
      const used = (): number => pids.reduce((sum, pid) => sum + cpuSeconds(pid), 0);
      const before = used();
      const rate = (await runsPerSecond(client, workers, { workflow, runs })) * steps;
      return { rate: Math.round(rate), cpu: (used() - before) / (runs * steps) };
    });
    found.push(one);
  }
  const [one = { rate: 0, cpu: 0 }, four = one] = found;
  return {
    one: one.rate,
    four: four.rate,
    ratio: rounded(four.rate / one.rate),
    cpuOne: rounded(one.cpu * 1_000, 3),
    cpuFour: rounded(four.cpu * 1_000, 3),
  };
}

async function makespans(store: string, files: readonly string[]) {
  const rows: (Replayed & { workers: number })[] = [];
  for (const count of [1, 4]) {
    const load = { store, count, slots: WF_SLOTS / count, files };
    await withWorkers(load, async (client) => {
      for (const file of files) {
        const replay = replayOf(readInstance(readFileSync(file, "utf8")), { scale: WF_SCALE });
        const tries: Replayed[] = [];
        // The best of three: what others do on the machine makes a run longer, never shorter.
        for (let nth = 0; nth < 3; nth++) {
          const events: RecordedEvent[] = [];
          for await (const event of (await client.start(replay.workflow)).events()) {
            events.push(event);
          }
          const on = { slots: WF_SLOTS, scale: WF_SCALE };
          tries.push(measured(file, events, replay.tasks, on));
        }
        const [best] = tries.sort((a, b) => a.makespanMs - b.makespanMs);
        if (best !== undefined) rows.push({ ...best, workers: count });
      }
    });
  }
  return rows;
}

/** @param files WfFormat instances */
export async function clusterTimes(place: Place, files: readonly string[]): Promise<ClusterTimes> {
  const naps = { workflow: "napping", runsEach: SLEEPERS, steps: NAPS };
  const sleeping = await beside(place, naps);
  const chains = { workflow: "chain", runsEach: CHAINS, steps: CHAIN_STEPS };
  const free = await beside(place, chains);
  return { sleeping, free, wfformat: await makespans(place.store, files) };
}

/** Lines and a table for people. */
export function printCluster({ sleeping, free, wfformat }: ClusterTimes): void {
  console.table({ sleeping, free });
  console.table(
    wfformat.map(({ instance, workers, makespanMs, ofAllowed, peakSlots, slots }) => ({
      instance,
      workers,
      makespanMs,
      ofAllowed,
      peakSlots: `${peakSlots}/${slots}`,
    })),
  );
}

async function main(): Promise<void> {
  const { values: flags } = parseArgs({
    options: {
      stores: { type: "string", default: "sqlite,nats" },
      instances: { type: "string", default: "test/wfformat/fixtures" },
      json: { type: "boolean", default: false },
    },
  });
  const folder = mkdtempSync(join(tmpdir(), "millrace-cluster-"));
  const results: Record<string, ClusterTimes> = {};
  for (const name of flags.stores.split(",")) {
    const server = name === "nats" ? await startNatsServer() : undefined;
    try {
      const store = server?.url ?? `sqlite:${join(folder, "c.db")}`;
      const place = { store, serverPid: server?.pid };
      const times = await clusterTimes(place, instancesIn(flags.instances));
      results[name] = times;
      if (!flags.json) console.log(name);
      if (!flags.json) printCluster(times);
    } finally {
      await server?.stop();
    }
  }
  rmSync(folder, { recursive: true, force: true });
  if (flags.json) console.log(JSON.stringify(results));
}

if (import.meta.main) await main();
