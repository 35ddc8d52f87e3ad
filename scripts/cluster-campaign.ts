/**
 * Runs over a cluster of three nats-servers whose members are killed, and cut off from each other. A process
 * of millrace at each member starts runs, signals them and hosts them, and notes what the log has
 * acknowledged. In the end all of that is in the log, once, and every run that was started has ended right.
 *
 *   node scripts/cluster-campaign.ts [--rounds 20] [--seed 1]
 *
 * Each round is about ten seconds long, nearly all of it the election of leaders by the servers. It exits
 * with 1 when anything was lost, doubled or left undone.
 */
import { parseArgs } from "node:util";
import { natsStore } from "../src/adapters/nats/store.ts";
import { type Millrace, open, type RecordedEvent, workflow } from "../src/index.ts";
import { pause, systemClock } from "../src/kernel/clock.ts";
import { systemIds } from "../src/kernel/ids.ts";
import { silentLogger } from "../src/kernel/logger.ts";
import { type Random, seededRandom, systemRandom } from "../src/kernel/random.ts";
import type { EventLog } from "../src/ports/event-log.ts";
import type { Store } from "../src/ports/store.ts";
import { checkLog } from "../src/testing/checks/check-log.ts";
import { over } from "../src/testing/simulation/over.ts";
import { type NatsCluster, startNatsCluster } from "./nats-cluster.ts";

const clock = systemClock();
const NAMESPACE = "campaign";
const LEASE_MS = 2_000;
/** Between two starts of one process, and between two looks at what has become of something. */
const [PACE_MS, LOOK_MS] = [60, 50];
/** How long progress may take once there is a quorum, and every run to end once all is well. */
const PATIENCE_MS = 45_000;
/** A process has made progress when so many of its commits were acknowledged. */
const PROGRESS = 5;

const steady = workflow("steady", async (ctx, nth: number) => {
  const once = await ctx.run("once", () => nth + 1);
  const more = await ctx.waitFor<number>("more");
  return ctx.run("sum", () => once + more);
});

/** What came of a campaign. The lists are empty when all is well. */
export interface Findings {
  /** Commits that were acknowledged, and of them those that are not in the log. */
  readonly acked: number;
  readonly lost: readonly string[];
  /** Frames that are in the log twice. */
  readonly doubled: readonly string[];
  readonly runs: number;
  /** Runs that have not ended, or not with the right result. */
  readonly wrong: readonly string[];
  /** Invariants of the log that do not hold, and differences between what members say. */
  readonly violations: readonly string[];
  /** Acknowledged at a member while that was cut off, after the moment that what was under way needs. */
  readonly ackedApart: number;
  /** From the moment there was a quorum again until commits were acknowledged, per round (ms). */
  readonly resumedMs: readonly number[];
}

/** A process of millrace at one member. */
interface Process {
  readonly millrace: Millrace;
  readonly store: Store;
  /** What it was acknowledged: the frame's text by its position. */
  readonly acked: Map<number, string>;
  /** Runs that it has started, with the results that they must have. */
  readonly started: Map<string, number>;
}

const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");

/** The log, and a note of every commit that it acknowledges. */
const noting = (log: EventLog, acked: Map<number, string>): EventLog =>
  over(log, {
    async append(frame, signal) {
      const outcome = await log.append(frame, signal);
      if (outcome.ok) acked.set(outcome.position, textOf(frame.bytes));
      return outcome;
    },
  });

async function begin(url: string, node: string): Promise<Process> {
  const world = { clock, random: systemRandom, ids: systemIds };
  const options = { namespace: NAMESPACE, node, world, leaseMs: LEASE_MS, replicas: 3 };
  const store = await natsStore(url, { ...options, connectTimeoutMs: PATIENCE_MS });
  const acked = new Map<number, string>();
  const noted = { ...store, log: noting(store.log, acked) };
  const more = { node, lease: LEASE_MS, logger: silentLogger, workflows: [steady] };
  return { millrace: await open({ store: noted, ...more }), store, acked, started: new Map() };
}

/** Starts runs and signals them, one after the other, until told to stop. */
async function load({ millrace, started }: Process, node: number, over: AbortSignal) {
  for (let nth = 0; !over.aborted; nth++) {
    const run = await millrace.start(steady, nth, { id: `run-${node}-${nth}` });
    started.set(run.id, 2 * nth + 1);
    await run.signal("more", nth);
    await pause(clock, PACE_MS, over);
  }
}

async function until(what: string, check: () => boolean): Promise<void> {
  const deadline = clock.mono() + PATIENCE_MS;
  while (!check()) {
    if (clock.mono() > deadline) throw new Error(`never came true: ${what}`);
    await pause(clock, LOOK_MS);
  }
}

/**
 * Kills one member and cuts off another at the same time, so that nothing can be acknowledged; brings the
 * first back, which makes a quorum; and only then the other. @returns ms until the quorum acknowledged
 */
async function disturb(cluster: NatsCluster, processes: readonly Process[], random: Random) {
  const [killed = 0, apart = 0, whole = 0] = [0, 1, 2].sort(() => random.next() - 0.5);
  const count = (member: number): number => processes[member]?.acked.size ?? 0;
  const progress = async (member: number): Promise<void> => {
    const before = count(member);
    await until(`commits at member ${member}`, () => count(member) >= before + PROGRESS);
  };
  await Promise.all([progress(killed), progress(apart), progress(whole)]);
  cluster.cutOff(apart);
  await cluster.members[killed]?.kill();
  await pause(clock, 500);
  const before = count(apart);
  await pause(clock, 500 + 1_500 * random.next());
  await cluster.members[killed]?.start();
  const since = clock.mono();
  await progress(whole);
  const resumedMs = Math.round(clock.mono() - since);
  await progress(killed);
  const ackedApart = count(apart) - before;
  cluster.rejoin(apart);
  await progress(apart);
  return { resumedMs, ackedApart };
}

/** Each run's result, held against what it must be. */
async function wrongRuns(processes: readonly Process[]): Promise<string[]> {
  const all = processes.flatMap(({ millrace, started }) =>
    Array.from(started, async ([run, expected]) => {
      const result = await millrace.handle(run).result({ timeoutMs: PATIENCE_MS });
      return result === expected ? [] : [`${run}: ${result} instead of ${expected}`];
    }),
  );
  const told = await Promise.allSettled(all);
  return told.flatMap((one) => (one.status === "fulfilled" ? one.value : [String(one.reason)]));
}

/** The whole log as a member has it, in order. */
async function readAll({ store }: Process): Promise<Map<number, string>> {
  const frames = new Map<number, string>();
  for await (const { position, bytes } of store.log.read({})) frames.set(position, textOf(bytes));
  return frames;
}

async function examine(
  processes: readonly Process[],
): Promise<Omit<Findings, "resumedMs" | "ackedApart">> {
  const wrong = await wrongRuns(processes);
  const logs = await Promise.all(processes.map(readAll));
  const [log = new Map<number, string>()] = logs;
  const acked = processes.flatMap((one) => [...one.acked]);
  const frames = [...log.values()];
  const events: RecordedEvent[] = [];
  for await (const event of (processes[0] as Process).millrace.subscribe({ live: false })) {
    events.push(event);
  }
  const runs = processes.flatMap(({ started }) => [...started.keys()]);
  const differ = logs.filter((other) => JSON.stringify([...other]) !== JSON.stringify([...log]));
  return {
    acked: acked.length,
    lost: acked.flatMap(([at, text]) => (log.get(at) === text ? [] : [`frame at ${at}`])),
    doubled: frames.filter((text, nth) => frames.indexOf(text) !== nth),
    runs: runs.length,
    wrong,
    violations: [
      ...checkLog(events, { started: runs }).map(String),
      ...differ.map(() => "members have different logs"),
    ],
  };
}

/** A campaign of so many rounds over a fresh cluster. */
export async function campaign(
  rounds: number,
  seed: number,
  say: (line: string) => void = () => undefined,
): Promise<Findings> {
  await using cluster = await startNatsCluster();
  const processes: Process[] = [];
  for (const [nth, { url }] of cluster.members.entries()) {
    processes.push(await begin(url, `process-${nth}`));
  }
  say("all is up");
  const over = new AbortController();
  const loads = Promise.all(processes.map((one, node) => load(one, node, over.signal)));
  const random = seededRandom(seed);
  const resumedMs: number[] = [];
  let ackedApart = 0;
  for (let round = 0; round < rounds; round++) {
    const found = await Promise.race([disturb(cluster, processes, random), loads]);
    if (found === undefined || !("resumedMs" in found)) break;
    resumedMs.push(found.resumedMs);
    ackedApart += found.ackedApart;
    say(`round ${round + 1}: commits ${found.resumedMs} ms after there was a quorum again`);
  }
  over.abort();
  await loads;
  say("all are to end now");
  const findings = { ...(await examine(processes)), ackedApart, resumedMs };
  await Promise.all(processes.map(({ millrace }) => millrace.close()));
  return findings;
}

if (import.meta.main) {
  const { values: flags } = parseArgs({
    options: {
      rounds: { type: "string", default: "20" },
      seed: { type: "string", default: "1" },
    },
  });
  const found = await campaign(Number(flags.rounds), Number(flags.seed), console.error);
  console.log(JSON.stringify(found));
  const { lost, doubled, wrong, violations, ackedApart } = found;
  if ([lost, doubled, wrong, violations].some((list) => list.length > 0) || ackedApart > 0) {
    process.exitCode = 1;
  }
}
