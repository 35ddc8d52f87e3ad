/**
 * Following and looking back: how late a subscriber hears of a frame, how fast the past is read, what a
 * moment of a long run costs, and what 500 subscribers cost the host of the run that they follow.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { cpuUsage } from "node:process";
import { type Millrace, open, workflow } from "../src/index.ts";
import { frames } from "./fold.ts";
import { percentile, rounded } from "./measure.ts";

const SUBSCRIBERS = new URL("subscribers.ts", import.meta.url).pathname;
/** A run of 50,000 events. */
const LONG_STEPS = 16_666;
const LIVE_FRAMES = 500;
const LOOKS = 200;
const STEPS = 1_000;
const HOST_ROUNDS = 5;
const WORKFLOW = "sequential";

export interface FollowingTimes {
  /** From the call of append to the event at the subscriber, both in one process, on two connections. */
  readonly live: { readonly oneRun: Latency; readonly all: Latency };
  /** Events per second of 50,000: by `subscribe`, of their run and of all; by `replay`. Best of three. */
  readonly history: {
    readonly oneRun: number;
    readonly all: number;
    readonly replay: number;
    /** The same in CPU time. */
    readonly replayPerCpuSecond: number;
  };
  /** Milliseconds of `stateAt` on that run: the first time, and at random places afterwards. */
  readonly stateAt: {
    readonly coldMs: number;
    readonly warmP50Ms: number;
    readonly warmP99Ms: number;
    /** The same looks in CPU time: what a machine with nothing else to do would take. */
    readonly warmCpuP99Ms: number;
  };
  /** CPU milliseconds of the host for 1,000 steps, with so many subscribers in another process. */
  readonly host: Readonly<Record<"none" | "one" | "fiveHundred", number>>;
}

interface Latency {
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** All of it, in a namespace of its own, so that the log holds nothing else. */
export async function followingTimes(store: string): Promise<FollowingTimes> {
  const [writer, reader] = [
    await open({ store, namespace: "following" }),
    await open({ store, namespace: "following" }),
  ];
  const live = {
    oneRun: await liveLatency(writer, reader, "live-one", { run: "live-one" }),
    all: await liveLatency(writer, reader, "live-all", {}),
  };
  await append(writer, "long", LONG_STEPS);
  const after = { position: await writer.store.log.head("live-all") };
  const replayed = await rate(() => reader.replay("long"));
  const history = {
    oneRun: (await rate(() => reader.subscribe({ run: "long", live: false }))).perSecond,
    all: (await rate(() => reader.subscribe({ after, live: false }))).perSecond,
    replay: replayed.perSecond,
    replayPerCpuSecond: replayed.perCpuSecond,
  };
  const looked = await lookBack(store);
  await Promise.all([writer.close(), reader.close()]);
  const host = await hostCpu(store);
  return { live, history, stateAt: looked, host };
}

/** What was measured, for people. */
export function followingLines({ live, history, stateAt, host }: FollowingTimes): string[] {
  return [
    `  live          p50 ${live.oneRun.p50Ms} ms of a run, ${live.all.p50Ms} ms of all; p99 ${live.oneRun.p99Ms}, ${live.all.p99Ms} ms`,
    `  history       ${history.oneRun} events/s of a run, ${history.all} of all, ${history.replay} replayed (${history.replayPerCpuSecond} per second of CPU)`,
    `  stateAt       ${stateAt.coldMs} ms cold, p50 ${stateAt.warmP50Ms} ms and p99 ${stateAt.warmP99Ms} ms warm (p99 ${stateAt.warmCpuP99Ms} ms of CPU), among 50,000 events`,
    `  subscribers   ${host.none} ms of the host's CPU per 1,000 steps with none, ${host.one} with one, ${host.fiveHundred} with 500`,
  ];
}

/** Appends the frames of a run of so many steps. */
async function append(
  { store }: Millrace,
  run: string,
  steps: number,
  before: (nth: number) => Promise<void> = async () => {},
): Promise<void> {
  let expected = 0;
  for (const [nth, bytes] of frames(run, steps).entries()) {
    await before(nth);
    const done = await store.log.append({ workflow: WORKFLOW, run, expected, bytes });
    if (!done.ok) throw new Error(`somebody else writes to ${run}`);
    expected = done.position;
  }
}

async function liveLatency(
  writer: Millrace,
  reader: Millrace,
  run: string,
  scope: { run?: string },
): Promise<Latency> {
  const sent: number[] = [];
  const samples: number[] = [];
  const stop = new AbortController();
  const heard = (async () => {
    let frame = 0;
    let commit = "";
    for await (const event of reader.subscribe({ ...scope, from: "now", signal: stop.signal })) {
      if (event.commit === commit) continue;
      commit = event.commit;
      samples.push(performance.now() - (sent[frame++] ?? Number.NaN));
      if (frame === LIVE_FRAMES + 2) return;
    }
  })();
  await append(writer, run, LIVE_FRAMES, async () => {
    await new Promise((resolve) => setTimeout(resolve, 2));
    sent.push(performance.now());
  });
  await heard;
  // The first ones meet a subscription that is being made.
  const settled = samples.slice(10);
  return {
    p50Ms: rounded(percentile(settled, 0.5), 3),
    p99Ms: rounded(percentile(settled, 0.99), 3),
  };
}

/** Events per second, the best of three times. */
async function rate(
  events: () => AsyncIterable<unknown>,
): Promise<{ readonly perSecond: number; readonly perCpuSecond: number }> {
  const best = { perSecond: 0, perCpuSecond: 0 };
  for (let round = 0; round < 3; round++) {
    const [began, before] = [performance.now(), cpuUsage()];
    let count = 0;
    for await (const _event of events()) count++;
    const { user, system } = cpuUsage(before);
    const perSecond = Math.round(count / ((performance.now() - began) / 1_000));
    best.perSecond = Math.max(best.perSecond, perSecond);
    best.perCpuSecond = Math.max(best.perCpuSecond, Math.round(count / ((user + system) / 1e6)));
  }
  return best;
}

async function lookBack(store: string): Promise<FollowingTimes["stateAt"]> {
  await using reader = await open({ store, namespace: "following" });
  const last = 3 * LONG_STEPS;
  const timed = async (seq: number): Promise<{ readonly ms: number; readonly cpuMs: number }> => {
    const [began, before] = [performance.now(), cpuUsage()];
    await reader.stateAt("long", seq);
    const { user, system } = cpuUsage(before);
    return { ms: performance.now() - began, cpuMs: (user + system) / 1_000 };
  };
  const cold = await timed(last);
  const looks: { readonly ms: number; readonly cpuMs: number }[] = [];
  for (let nth = 0; nth < LOOKS; nth++) looks.push(await timed(1 + ((nth * 7_919) % last)));
  const [times, cpuTimes] = [looks.map(({ ms }) => ms), looks.map(({ cpuMs }) => cpuMs)];
  return {
    coldMs: rounded(cold.ms),
    warmP50Ms: rounded(percentile(times, 0.5)),
    warmP99Ms: rounded(percentile(times, 0.99)),
    warmCpuP99Ms: rounded(percentile(cpuTimes, 0.99)),
  };
}

const followed = workflow("followed", async (ctx) => {
  await ctx.waitFor("go");
  for (let step = 0; step < STEPS; step++) await ctx.run("noop", () => "twenty-byte-result!!");
});

/** CPU milliseconds of this process for a run of 1,000 steps: medians, in turns, after one to warm up. */
async function hostCpu(store: string): Promise<FollowingTimes["host"]> {
  await using host = await open({ store, namespace: "following", workflows: [followed] });
  await cpuOfRun(host, store, 0);
  const samples = { none: [] as number[], one: [] as number[], fiveHundred: [] as number[] };
  for (let round = 0; round < HOST_ROUNDS; round++) {
    samples.none.push(await cpuOfRun(host, store, 0));
    samples.one.push(await cpuOfRun(host, store, 1));
    samples.fiveHundred.push(await cpuOfRun(host, store, 500));
  }
  const median = (all: readonly number[]): number => rounded(percentile(all, 0.5), 0);
  const { none, one, fiveHundred } = samples;
  return { none: median(none), one: median(one), fiveHundred: median(fiveHundred) };
}

async function cpuOfRun(host: Millrace, store: string, subscribers: number): Promise<number> {
  const run = await host.start(followed);
  const others = subscribers === 0 ? undefined : await follow(store, run.id, subscribers);
  const before = cpuUsage();
  await run.signal("go");
  await run.result();
  const { user, system } = cpuUsage(before);
  await others?.ended;
  return (user + system) / 1_000;
}

/** Resolves once another process has so many subscribers of the run; `ended` once that process has. */
async function follow(
  store: string,
  run: string,
  count: number,
): Promise<{ ended: Promise<unknown> }> {
  const child: ChildProcess = spawn(process.execPath, [SUBSCRIBERS, store, run, String(count)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(child, "exit");
  await once(child.stdout ?? child, "data");
  return { ended };
}
