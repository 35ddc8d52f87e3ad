/**
 * `npm run bench`: what millrace costs, beside the floor measured in the same run, because machines
 * differ and are noisy. Ratios and CPU seconds hold; single times do not.
 *
 *   --stores sqlite,nats   which          (default: both; nats starts a server of its own)
 *   --runs N               sequential runs (default: 500)
 *   --rounds N             restarts        (default: 5)
 *   --instances PATH       WfFormat instances to replay (default: the small one of the tests)
 *   --indexed N            runs in the index that is searched (default: 1,000,000)
 *   --json                 ends with one JSON object on stdout
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startNatsServer } from "../scripts/nats-server.ts";
import { open } from "../src/index.ts";
import { type ClusterTimes, clusterTimes, printCluster } from "./cluster.ts";
import { type Floor, fsyncFloor, publishFloor } from "./floor.ts";
import { foldRate } from "./fold.ts";
import { type FollowingTimes, followingLines, followingTimes } from "./following.ts";
import { idleRunBytes } from "./memory.ts";
import { type Restart, restartTime } from "./restart.ts";
import { searchLines, searchTimes } from "./search.ts";
import { latency, type Throughput, throughput } from "./sequential.ts";
import { type SignalTimes, signalTimes } from "./signals.ts";
import { type OutputTimes, outputTimes, type RebuildRate, rebuildRate } from "./stores.ts";
import { instancesIn, type Replayed, replayed, rowOf } from "./wfformat.ts";
import { type WideGraph, wideGraph } from "./wide-graph.ts";
import { chain, sequential, single } from "./workflows.ts";

const { values: flags } = parseArgs({
  options: {
    stores: { type: "string", default: "sqlite,nats" },
    runs: { type: "string", default: "500" },
    rounds: { type: "string", default: "5" },
    instances: { type: "string", default: "test/wfformat/fixtures" },
    indexed: { type: "string", default: "1000000" },
    json: { type: "boolean", default: false },
  },
});

interface StoreResult {
  readonly sequential: Throughput;
  readonly graph: Throughput;
  readonly single: { runs: number; p50Ms: number; p99Ms: number };
  readonly signals: SignalTimes;
  readonly restart: Restart;
  readonly outputs: OutputTimes;
  readonly rebuild: RebuildRate;
  readonly following: FollowingTimes;
  readonly wide: WideGraph;
  readonly wfformat: readonly Replayed[];
  readonly cluster: ClusterTimes;
  readonly floor: Floor;
}

const say = (line: string): void => void process.stderr.write(`${line}\n`);

async function measure(
  store: string,
  folder: string,
  serverPid?: number,
): Promise<Omit<StoreResult, "floor">> {
  const width = { runs: Number(flags.runs), concurrency: 50, serverPid };
  const workflows = [sequential, chain, single];
  const inProcess = await open({ store, workflows });
  say("  sequential: runs of ten steps, 50 at a time");
  const code = await throughput(inProcess, sequential, width);
  const graph = await throughput(inProcess, chain, width);
  await inProcess.close();
  // A client and a worker of its own: nothing else is under way in this store.
  const idle = await open({ store, workflows });
  say("  single: one step, from start to result");
  const one = await latency(idle, single, 200);
  await idle.close();
  say("  signals: from a signal to a parked run to its reaction");
  const signals = await signalTimes(store);
  const client = await open({ store });
  say("  restart: killed after step 100 of 200, started again");
  const restart = await restartTime(client, store, folder, Number(flags.rounds));
  await client.close();
  say("  outputs: 100,000 of them, and the newest by name");
  const outputs = await outputTimes(store);
  say("  rebuild: the saved projections from all of this");
  const rebuild = await rebuildRate(store);
  say("  following: live, from the past, and 500 subscribers");
  const following = await followingTimes(store);
  say("  wide: a run of 10,000 steps, a thousand wide");
  const steps = await wideGraph(store);
  say("  wfformat: recorded scientific workflows, replayed");
  const wfformat: Replayed[] = [];
  for (const file of instancesIn(flags.instances)) {
    wfformat.push(await replayed(store, file, { slots: 16, scale: 0.01 }));
  }
  say("  cluster: four worker processes beside one");
  const cluster = await clusterTimes({ store, serverPid }, instancesIn(flags.instances));
  return {
    sequential: code,
    graph,
    single: one,
    signals,
    restart,
    outputs,
    rebuild,
    following,
    wide: steps,
    wfformat,
    cluster,
  };
}

const folder = mkdtempSync(join(tmpdir(), "millrace-bench-"));
const stores: Record<string, StoreResult> = {};
try {
  for (const name of flags.stores.split(",")) {
    say(name);
    if (name === "sqlite") {
      const result = await measure(`sqlite:${join(folder, "bench.db")}`, folder);
      stores[name] = { ...result, floor: await fsyncFloor(folder) };
    } else if (name === "nats") {
      const server = await startNatsServer();
      try {
        const result = await measure(server.url, folder, server.pid);
        stores[name] = { ...result, floor: await publishFloor(server.url) };
      } finally {
        await server.stop();
      }
    } else throw new Error(`unknown store ${name}; use sqlite, nats or both`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
say("search: an index of a million runs");
const search = searchTimes(Number(flags.indexed));
const report = { stores, search, fold: foldRate(), memory: await idleRunBytes() };
if (flags.json) console.log(JSON.stringify(report));
else {
  for (const [name, result] of Object.entries(stores)) {
    const { sequential: code, graph, single: one, restart, outputs, rebuild, floor } = result;
    const share = Math.round((100 * code.stepsPerSecond) / (floor.fifty ?? floor.one).perSecond);
    console.log(`\n${name}`);
    console.table({ code, graph });
    console.log(`  single        p50 ${one.p50Ms} ms, p99 ${one.p99Ms} ms`);
    const { signals } = result;
    console.log(`  signals       p50 ${signals.p50Ms} ms, p99 ${signals.p99Ms} ms`);
    console.log(
      `  restart       first step after ${restart.firstStepMs} ms, end after ${restart.endMs} ms, ran twice: ${restart.completedStepsRunTwice}`,
    );
    console.log(
      `  outputs       ${outputs.appendsPerSecond} appends/s; newest by name among ${outputs.outputs}: p50 ${outputs.p50Ms} ms, p99 ${outputs.p99Ms} ms`,
    );
    console.log(`  rebuild       ${rebuild.eventsPerSecond} events/s (${rebuild.events} events)`);
    for (const line of followingLines(result.following)) console.log(line);
    const { wide, wfformat } = result;
    console.log(
      `  wide          ${wide.thousandsMs.join(", ")} ms of CPU per thousand steps; last over first ${wide.growth}`,
    );
    console.table(wfformat.map(rowOf));
    printCluster(result.cluster);
    console.log(
      `  floor         ${floor.what}: ${floor.one.perSecond}/s (p50 ${floor.one.p50Ms} ms)${floor.fifty ? `, 50 at once ${floor.fifty.perSecond}/s` : ""}`,
    );
    console.log(`  steps/floor   ${share} %`);
  }
  for (const line of searchLines(search)) console.log(line);
  console.log(
    `\nfold            ${report.fold.eventsPerSecond} events/s (${report.fold.events} events in ${report.fold.seconds} s)`,
  );
  console.log(
    `idle run        ${report.memory.bytesPerRun} bytes of heap (${report.memory.runs} hosted runs)`,
  );
}
