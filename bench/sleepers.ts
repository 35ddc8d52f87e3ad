/**
 * `npx node bench/sleepers.ts [--runs 10000] [--seconds 40] [--night 60] [--stores sqlite,nats]`: so many runs go to sleep,
 * their worker is killed, another one is started, and all wake. None may be lost, none may wake twice or
 * too early; while they sleep, nobody holds them. A small number of them is part of `npm test`.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { startNatsServer } from "../scripts/nats-server.ts";
import { openFrame } from "../src/events/frame.ts";
import { recordedEvents } from "../src/events/recorded.ts";
import { type Millrace, open, type RecordedEvent } from "../src/index.ts";
import { checkLog } from "../src/testing/checks/check-log.ts";
import { inParallel, percentile, rounded } from "./measure.ts";
import { sleeper } from "./sleeper-workflow.ts";

const WORKER = fileURLToPath(new URL("sleeper-worker.ts", import.meta.url));

/** What became of the sleepers. */
export interface Slept {
  readonly runs: number;
  /** Memory of the worker when all sleep, beyond what it took when it was idle. */
  readonly heapMb: number;
  readonly rssMb: number;
  /** Runs that the worker hosted when all slept. */
  readonly hosted: number;
  /** Runs that did not wake, woke more than once, or before their time; what else is wrong with the log. */
  readonly lost: number;
  readonly twice: number;
  readonly early: number;
  readonly violations: number;
  /** Between the moment that a run was to wake and that in which it did (ms). */
  readonly lateP50Ms: number;
  readonly lateP99Ms: number;
  readonly lateMaxMs: number;
}

/** How many sleep, and until when: they are to wake evenly over so many seconds. */
export interface SleepPlan {
  readonly runs: number;
  /** Runs that sleep and wake before, to be compared with: code and buffers are there then. */
  readonly warmUp: number;
  readonly seconds: number;
  /** Between the first that goes to sleep and the first that wakes (ms). */
  readonly nightMs: number;
}

/** Puts runs to sleep in this store, replaces their worker, and waits until all have woken. */
export async function sleepers(address: string, plan: SleepPlan): Promise<Slept> {
  const client = await open({ store: address });
  let worker = await startWorker(address);
  try {
    await warmUp(client, plan.warmUp);
    const idle = await memoryOf(worker);
    const first = Date.now() + plan.nightMs;
    await inParallel(plan.runs, 50, async (nth) => {
      const due = first + Math.floor((nth * plan.seconds * 1_000) / plan.runs);
      await client.start(sleeper, due, { id: `sleeper-${nth}` });
    });
    await until(async () => (await count(client, "parked", plan)) === plan.runs, first);
    const asleep = await memoryOf(worker);
    await kill(worker);
    worker = await startWorker(address);
    const last = first + plan.seconds * 1_000;
    await allAwake(client, plan, last);
    return {
      runs: plan.runs,
      heapMb: rounded(asleep.heapMb - idle.heapMb, 1),
      rssMb: rounded(asleep.rssMb - idle.rssMb, 1),
      hosted: asleep.hosted,
      ...judge(plan.runs, await eventsOf(client)),
    };
  } finally {
    await kill(worker);
    await client.close();
  }
}

const WARM = "warm-";

async function warmUp(client: Millrace, runs: number): Promise<void> {
  await inParallel(runs, 50, async (nth) => {
    await client.start(sleeper, Date.now() + 100, { id: `${WARM}${nth}` });
  });
  const done = async () => (await client.count()).completed ?? 0;
  await until(async () => (await done()) === runs, Date.now() + PATIENCE_MS);
}

async function startWorker(address: string): Promise<ChildProcess> {
  const worker = fork(WORKER, [address], { execArgv: ["--expose-gc"] });
  await once(worker, "message");
  return worker;
}

async function kill(worker: ChildProcess): Promise<void> {
  if (worker.exitCode !== null || worker.signalCode !== null) return;
  const gone = once(worker, "exit");
  worker.kill("SIGKILL");
  await gone;
}

interface Memory {
  readonly hosted: number;
  readonly heapMb: number;
  readonly rssMb: number;
}

async function memoryOf(worker: ChildProcess): Promise<Memory> {
  worker.send("memory");
  const [memory] = (await once(worker, "message")) as [Memory];
  return memory;
}

/** By an index, which costs the machine less than a list of all runs would. */
async function count(
  client: Millrace,
  status: "parked" | "completed",
  { warmUp }: SleepPlan,
): Promise<number> {
  const { [status]: runs = 0 } = await client.count({ workflow: sleeper.name });
  return status === "completed" ? runs - warmUp : runs;
}

/** Waits until it is so, or this moment has come. */
async function until(check: () => Promise<boolean>, moment: number): Promise<void> {
  while (!(await check())) {
    if (Date.now() > moment) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Nobody is given up as long as others still wake. */
const PATIENCE_MS = 60_000;

async function allAwake(client: Millrace, plan: SleepPlan, last: number): Promise<void> {
  let [awake, since] = [0, last];
  while (awake < plan.runs && Date.now() - since < PATIENCE_MS) {
    await new Promise((resolve) => setTimeout(resolve, 250));
    const now = await count(client, "completed", plan);
    if (now > awake) since = Math.max(last, Date.now());
    awake = now;
  }
}

async function eventsOf(client: Millrace): Promise<RecordedEvent[]> {
  const events: RecordedEvent[] = [];
  for await (const stored of client.store.log.read({})) {
    if (stored.run.startsWith(WARM)) continue;
    events.push(...recordedEvents(stored, openFrame(stored.run, stored.bytes).frame));
  }
  return events;
}

function judge(runs: number, events: readonly RecordedEvent[]) {
  const due = new Map<string, number>();
  const woke = new Map<string, number>();
  const late: number[] = [];
  let early = 0;
  for (const event of events) {
    if (event.type === "timer.set") due.set(event.run, event.due);
    if (event.type !== "timer.fired") continue;
    woke.set(event.run, (woke.get(event.run) ?? 0) + 1);
    const by = event.at - (due.get(event.run) ?? Number.NaN);
    late.push(by);
    if (!(by >= 0)) early++;
  }
  return {
    lost: runs - woke.size,
    twice: [...woke.values()].filter((times) => times > 1).length,
    early,
    violations: checkLog(events).length,
    lateP50Ms: percentile(late, 0.5),
    lateP99Ms: percentile(late, 0.99),
    lateMaxMs: Math.max(...late),
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values: flags } = parseArgs({
    options: {
      runs: { type: "string", default: "10000" },
      seconds: { type: "string", default: "40" },
      night: { type: "string", default: "60" },
      warm: { type: "string", default: "1000" },
      stores: { type: "string", default: "sqlite,nats" },
    },
  });
  const folder = mkdtempSync(join(tmpdir(), "millrace-sleepers-"));
  const server = flags.stores.includes("nats") ? await startNatsServer() : undefined;
  try {
    const rows: Record<string, Slept> = {};
    for (const store of flags.stores.split(",")) {
      const address = store === "nats" ? (server?.url ?? "") : `sqlite:${join(folder, "s.db")}`;
      const [runs, seconds] = [Number(flags.runs), Number(flags.seconds)];
      rows[store] = await sleepers(address, {
        runs,
        warmUp: Number(flags.warm),
        seconds,
        nightMs: Number(flags.night) * 1_000,
      });
    }
    console.table(rows);
  } finally {
    await server?.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}
