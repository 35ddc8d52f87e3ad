/**
 * Fifty runs over worker processes that are killed, and frozen until everybody takes them for gone. Every
 * run ends right, nothing that is recorded is done again, nothing stays taken, and whoever comes too late
 * is refused and recorded.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type Millrace, open, type RecordedEvent } from "../../src/index.ts";
import { systemIds } from "../../src/kernel/ids.ts";
import { silentLogger } from "../../src/kernel/logger.ts";
import { seededRandom } from "../../src/kernel/random.ts";
import { checkLog } from "../../src/testing/check-log.ts";
import { sharedNatsServer } from "../support/nats-server.ts";
import { clustered, resultOf } from "./fixtures/cluster-flow.ts";
import { only, sleep, until } from "./kit/scene.ts";

const WORKER = new URL("fixtures/cluster-worker.ts", import.meta.url).pathname;
const RUNS = 50;
const LEASE_MS = 2_000;
/** Longer than a silent node is waited for. */
const FROZEN_MS = 8_000;
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
  const options = { namespace, workflows: [clustered], worker: false } as const;
  client = await open({ store: natsUrl(), logger: silentLogger, ...options });
});

afterEach(async () => {
  for (const child of workers.values()) child.kill("SIGCONT");
  await Promise.all([...workers.keys()].map((node) => end(node, "SIGKILL")));
  await client.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Kills two workers and starts others like them; freezes a third and lets it go on much later. */
async function disturb(): Promise<void> {
  const random = seededRandom(SEED);
  const order = [0, 1, 2, 3].sort(() => random.next() - 0.5);
  for (const [blow, kind] of order.slice(0, 3).entries()) {
    await sleep(300 + 400 * random.next());
    const node = [...workers.keys()].find((id) => id.startsWith(`worker-${kind}-`)) ?? "";
    if (blow === 1) {
      workers.get(node)?.kill("SIGSTOP");
      await sleep(FROZEN_MS);
      workers.get(node)?.kill("SIGCONT");
    } else {
      await end(node, "SIGKILL");
      bear(kind);
    }
  }
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

it("survives", { timeout: 90_000 }, async () => {
  for (const kind of HAS.keys()) bear(kind);
  await until("all are there", async () => (await client.nodes()).length === HAS.length);
  const sink = join(folder, "effects");
  const runs = await Promise.all(
    Array.from({ length: RUNS }, (_, nth) => client.start(clustered, { sink, nth })),
  );
  const disturbed = disturb();
  const results = await Promise.all(runs.map((run) => run.result({ timeoutMs: 60_000 })));
  await disturbed;
  expect(results).toEqual(runs.map((_, nth) => resultOf(nth)));
  await until("nothing is taken", async () => {
    const nodes = await client.nodes();
    const whole = nodes.every((one) => JSON.stringify(one.free) === JSON.stringify(one.resources));
    // A dead one may be listed for a while, and one that was just born not be there yet.
    return whole && nodes.map(({ id }) => id).join() === [...workers.keys()].sort().join();
  });
  const ids = runs.map(({ id }) => id);
  const events = await logOf(ids);
  expect(checkLog(events, { started: ids })).toEqual([]);
  const lines = readFileSync(sink, "utf8").trim().split("\n");
  expect(repeated(events, lines)).toEqual([]);
  expect(new Set(lines).size).toBe(lines.length);
  // Anything else that is recorded as odd would be a fault of ours.
  const odd = only(events, "anomaly.recorded").filter(({ kind }) => kind !== "late-report");
  expect(odd).toEqual([]);
  expect(only(events, "step.started").some(({ grant }) => grant !== undefined)).toBe(true);
  const codes = await Promise.all([...workers.keys()].map((node) => end(node, "SIGTERM")));
  expect(codes).toEqual(HAS.map(() => 0));
});
