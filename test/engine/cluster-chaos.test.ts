/**
 * Fifty runs over worker processes that are killed, and frozen until everybody takes them for gone. Every
 * run ends right, nothing that is recorded is done again, nothing stays taken, and whoever comes too late
 * is refused and recorded.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type Millrace, open, type RecordedEvent, type RunHandle } from "../../src/index.ts";
import { systemIds } from "../../src/kernel/ids.ts";
import { silentLogger } from "../../src/kernel/logger.ts";
import { seededRandom } from "../../src/kernel/random.ts";
import { checkLog } from "../../src/testing/checks/check-log.ts";
import { sharedNatsServer } from "../support/nats-server.ts";
import { clustered, resultOf, stubborn } from "./fixtures/cluster-flow.ts";
import { only, sleep, until } from "./kit/scene.ts";

const WORKER = new URL("fixtures/cluster-worker.ts", import.meta.url).pathname;
const RUNS = 50;
const LEASE_MS = 2_000;
/** Until a run is hosted elsewhere than where its step runs. */
const TRIES = 30;
const HAS = [{ cpu: 4 }, { cpu: 4, gpu: 1 }, { cpu: 2, gpu: 2 }, { cpu: 6 }];
const SEED = Number(process.env["MILLRACE_CHAOS_SEED"] ?? 1);
const natsUrl = sharedNatsServer();

let folder: string;
let namespace: string;
let client: Millrace;
const workers = new Map<string, ChildProcess>();
let born = 0;

function bear(kind: number): string {
  const node = `worker-${kind}-${born++}`;
  const args = [WORKER, natsUrl(), namespace, node, String(LEASE_MS), JSON.stringify(HAS[kind])];
  workers.set(node, spawn(process.execPath, args, { stdio: ["ignore", "ignore", "inherit"] }));
  return node;
}

async function end(node: string, signal: NodeJS.Signals): Promise<number | null> {
  const child = workers.get(node);
  workers.delete(node);
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return null;
  const gone = once(child, "exit");
  child.kill(signal);
  const [code] = (await gone) as [number | null];
  return code;
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "millrace-cluster-"));
  namespace = `cluster-${systemIds()}`;
  const options = { namespace, workflows: [clustered, stubborn], worker: false } as const;
  client = await open({ store: natsUrl(), logger: silentLogger, ...options });
});

afterEach(async () => {
  for (const child of workers.values()) child.kill("SIGCONT");
  await Promise.all([...workers.keys()].map((node) => end(node, "SIGKILL")));
  await client.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A run of which a step computes on another node than its host: that node, and the run. */
async function computingElsewhere(sink: string): Promise<{ node: string; run: RunHandle<number> }> {
  for (let nth = 0; nth < TRIES; nth++) {
    const run = await client.start(stubborn, { sink, nth });
    for await (const event of run.events({ types: ["step.started"] })) {
      if (event.grant !== undefined && workers.has(event.node)) return { node: event.node, run };
      break;
    }
  }
  throw new Error("every run was hosted where its step ran");
}

/** Freezes a worker in the middle of a step until that is lost, and has been made elsewhere. */
async function freeze(sink: string): Promise<{ node: string; run: RunHandle<number> }> {
  const { node, run } = await computingElsewhere(sink);
  await until("it computes", () => readFileSync(sink, "utf8").includes(`${run.id}/spin 1 ${node}`));
  workers.get(node)?.kill("SIGSTOP");
  for await (const event of run.events({ types: ["step.completed"] })) {
    expect(event.attempt).toBeGreaterThan(1);
    break;
  }
  workers.get(node)?.kill("SIGCONT");
  return { node, run };
}

/** Kills two workers and starts others like them; between that, one is frozen and goes on much later. */
async function disturb(sink: string): Promise<{ node: string; run: RunHandle<number> }> {
  const random = seededRandom(SEED);
  const kill = async (spared?: string): Promise<void> => {
    await sleep(300 + 400 * random.next());
    const alive = [...workers.keys()].filter((node) => node !== spared);
    const node = alive[Math.floor(random.next() * alive.length)] ?? "";
    await end(node, "SIGKILL");
    bear(Number(node.split("-")[1]));
  };
  await kill();
  const frozen = await freeze(sink);
  // Of one that is killed nobody hears anything, neither late nor in time.
  await kill(frozen.node);
  return frozen;
}

async function logOf(runs: readonly string[]): Promise<RecordedEvent[]> {
  const events: RecordedEvent[] = [];
  for (const run of runs) for await (const event of client.handle(run).events()) events.push(event);
  return events;
}

/** Lines of executions that began after the step's result was in the log. */
function repeated(events: readonly RecordedEvent[], lines: readonly string[]): string[] {
  const done = new Map(
    only(events, "step.completed").map(({ run, step, attempt }) => [`${run}/${step}`, attempt]),
  );
  return lines.filter((line) => {
    const [key = "", attempt] = line.split(" ");
    return Number(attempt) > (done.get(key) ?? Number.POSITIVE_INFINITY);
  });
}

/** Whose attempts were lost, as late reports tell it: "attempt 1 on node n" of the step. */
const lostOf = (events: readonly RecordedEvent[]): Set<string> => {
  const nodes = new Map(
    only(events, "step.started").map((one) => [`${one.run}/${one.step} ${one.attempt}`, one.node]),
  );
  return new Set(
    only(events, "step.retrying")
      .filter(({ error }) => error.code === "E_STEP_LOST")
      .map(({ run, step, attempt }) => {
        const node = nodes.get(`${run}/${step} ${attempt}`);
        return `${run}/${step} attempt ${attempt} on node ${node}`;
      }),
  );
};

/** Nothing is taken anywhere, and nobody else is there. */
async function isCalm(): Promise<boolean> {
  const nodes = await client.nodes();
  const whole = nodes.every((one) => JSON.stringify(one.free) === JSON.stringify(one.resources));
  // A dead one may be listed for a while, and one that was just born not be there yet.
  return whole && nodes.map(({ id }) => id).join() === [...workers.keys()].sort().join();
}

it("survives", { timeout: 90_000 }, async () => {
  for (const kind of HAS.keys()) bear(kind);
  await until("all are there", async () => (await client.nodes()).length === HAS.length);
  const sink = join(folder, "effects");
  const runs = await Promise.all(
    Array.from({ length: RUNS }, (_, nth) => client.start(clustered, { sink, nth })),
  );
  const disturbed = disturb(sink);
  const results = await Promise.all(runs.map((run) => run.result({ timeoutMs: 60_000 })));
  expect(results).toEqual(runs.map((_, nth) => resultOf(nth)));
  const { node, run } = await disturbed;
  for await (const { detail } of run.events({ types: ["anomaly.recorded"] })) {
    expect(detail).toContain(`attempt 1 on node ${node}`);
    break;
  }
  writeFileSync(`${sink}.end`, "");
  expect(await run.result()).toBe(2);
  const ids = (await client.list({ limit: 1_000 })).map(({ run: id }) => id);
  await Promise.all(ids.map((id) => client.result(id)));
  await until("nothing is taken", isCalm);
  const events = await logOf(ids);
  expect(checkLog(events, { started: ids })).toEqual([]);
  const lines = readFileSync(sink, "utf8").trim().split("\n");
  expect(repeated(events, lines)).toEqual([]);
  expect(new Set(lines).size).toBe(lines.length);
  // Whoever came too late had been lost before. Anything else that is odd would be a fault of ours.
  const lost = lostOf(events);
  const odd = only(events, "anomaly.recorded").filter(({ run: of, step, kind, detail }) => {
    const [attempt] = detail.split(" in state ");
    return kind !== "late-report" || !lost.has(`${of}/${step} ${attempt}`);
  });
  expect(odd).toEqual([]);
  const codes = await Promise.all([...workers.keys()].map((one) => end(one, "SIGTERM")));
  expect(codes).toEqual(HAS.map(() => 0));
});
