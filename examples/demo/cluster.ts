/**
 * `npm run demo -- --cluster`: a nats-server, four workers with different resources, and a graph that needs
 * all of them. One worker is killed while it runs a step; the others make up for it. What happened is drawn
 * as a Gantt chart, from the run's log.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { startNatsServer } from "../../scripts/nats-server.ts";
import {
  ganttSvg,
  type Millrace,
  open,
  type RecordedEvent,
  type Timeline,
  timelineOf,
} from "../../src/index.ts";
import { pause, systemClock } from "../../src/kernel/clock.ts";
import { Board } from "./board.ts";
import { survey, tasks } from "./survey.ts";

/** What the workers have; each can do something that another cannot. */
const WORKERS: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  atlas: { cpu: 4, memory: 8 },
  boreas: { cpu: 2, memory: 4, gpu: 1 },
  ceres: { cpu: 4, memory: 16 },
  dione: { cpu: 4, memory: 6, gpu: 2 },
};
/** It has the most GPUs: what it runs is missed. */
const VICTIM = "dione";
const RUN = "survey";
const CLI = new URL("../../src/cli/main.ts", import.meta.url).pathname;
const WORKFLOWS = new URL("survey.ts", import.meta.url).pathname;
const clock = systemClock();

export interface ClusterOptions {
  /** Where the chart goes. */
  readonly out: string;
  /** Seconds for a recorded second. */
  readonly scale: number;
  readonly json: boolean;
}

/** What was running on the worker that was killed, at that moment. */
interface Killing {
  readonly seq: number;
  readonly lost: readonly string[];
}

class Workers {
  readonly #processes = new Map<string, ChildProcess>();
  readonly #stderr = new Map<string, string>();

  start(store: string, scale: number): void {
    for (const [node, has] of Object.entries(WORKERS)) {
      const flags = Object.entries(has).flatMap((one) => ["--resource", one.join("=")]);
      const child = spawn(
        process.execPath,
        [CLI, "worker", WORKFLOWS, "--store", store, "--node", node, "--steps", "8", ...flags],
        { stdio: ["ignore", "ignore", "pipe"], env: { ...process.env, DEMO_SCALE: `${scale}` } },
      );
      child.stderr?.on("data", (text) =>
        this.#stderr.set(node, `${this.#stderr.get(node)}${text}`),
      );
      this.#processes.set(node, child);
    }
  }

  /** Every one of them is there, with its resources. */
  async ready(millrace: Millrace): Promise<void> {
    while ((await millrace.nodes()).length < this.#processes.size) {
      for (const [node, { exitCode }] of this.#processes) {
        if (exitCode === null) continue;
        throw new Error(`worker ${node} ended with ${exitCode}: ${this.#stderr.get(node)}`);
      }
      await pause(clock, 50);
    }
  }

  async end(node: string, signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#processes.get(node);
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return null;
    const gone = once(child, "exit");
    child.kill(signal);
    const [code] = (await gone) as [number | null];
    return code;
  }

  endAll(signal: NodeJS.Signals): Promise<(number | null)[]> {
    return Promise.all([...this.#processes.keys()].map((node) => this.end(node, signal)));
  }
}

/** Follows the run to its end; kills the victim at a step that it has just begun, a third of the way. */
async function follow(millrace: Millrace, workers: Workers, board: Board) {
  const events: RecordedEvent[] = [];
  let killing: Killing | undefined;
  let done = 0;
  for await (const event of millrace.subscribe({ run: RUN })) {
    events.push(event);
    board.take(event);
    if (event.type === "step.completed") done++;
    const begins = event.type === "step.started" && event.node === VICTIM;
    if (killing !== undefined || !begins || done < tasks.size / 3) continue;
    const lost = timelineOf(events).attempts.filter(
      ({ node, end }) => node === VICTIM && end === "running",
    );
    killing = { seq: event.seq, lost: lost.map(({ step }) => step) };
    await workers.end(VICTIM, "SIGKILL");
    board.gone(VICTIM, "killed");
    board.say(`${VICTIM} is killed (SIGKILL) while it runs ${killing.lost.join(", ")}`);
  }
  return { events, killing };
}

/** Shows who is there, until `over`. */
async function watchNodes(millrace: Millrace, board: Board, over: AbortSignal): Promise<void> {
  while (!over.aborted) {
    board.nodes(await millrace.nodes());
    await pause(clock, 200, over);
  }
}

/** The demo. @returns nothing; it says on stdout what came out */
export async function clusterDemo({ out, scale, json }: ClusterOptions): Promise<void> {
  await using server = await startNatsServer();
  await using millrace = await open({ store: server.url, workflows: [survey], worker: false });
  const workers = new Workers();
  const over = new AbortController();
  try {
    workers.start(server.url, scale);
    await workers.ready(millrace);
    const board = new Board(tasks.size);
    const watching = watchNodes(millrace, board, over.signal);
    const run = await millrace.start(survey, undefined, { id: RUN });
    const { events, killing } = await follow(millrace, workers, board);
    over.abort();
    await watching;
    board.nodes(await millrace.nodes());
    await board.close();
    await run.result();
    const timeline = timelineOf(events);
    const chart = resolve(out);
    mkdirSync(dirname(chart), { recursive: true });
    writeFileSync(chart, ganttSvg(timeline));
    const codes = await workers.endAll("SIGTERM");
    print(timeline, { killing, chart, codes, events: events.length, json });
  } finally {
    over.abort();
    await workers.endAll("SIGKILL");
  }
}

interface Facts {
  readonly killing: Killing | undefined;
  readonly chart: string;
  /** What the workers that were not killed exited with. */
  readonly codes: readonly (number | null)[];
  readonly events: number;
  readonly json: boolean;
}

function print(timeline: Timeline, { killing, chart, codes, events, json }: Facts): void {
  const { attempts, nodes, endedBy, from, to } = timeline;
  const completed = attempts.filter(({ end }) => end === "completed");
  const lost = attempts.filter(({ end }) => end === "lost");
  const tasksBy = Object.fromEntries(
    nodes.map((node) => [node, completed.filter((one) => one.node === node).length]),
  );
  const facts = {
    store: "nats",
    status: endedBy,
    tasks: tasks.size,
    completed: completed.length,
    seconds: Number(((to - from) / 1_000).toFixed(2)),
    killed: killing === undefined ? null : VICTIM,
    killedAfterEvent: killing?.seq ?? null,
    lost: lost.map(({ step, attempt }) => ({ step, attempt })),
    tasksBy,
    nodes: WORKERS,
    drained: codes.filter((code) => code === 0).length,
    events,
    chart,
  };
  if (json) {
    console.log(JSON.stringify(facts));
    return;
  }
  console.log(`\n${endedBy} after ${facts.seconds} s: ${completed.length} of ${tasks.size} tasks.`);
  for (const [node, count] of Object.entries(tasksBy)) console.log(`  ${node.padEnd(8)} ${count}`);
  const told = lost.map(({ step }) => step).join(", ") || "nothing";
  console.log(`Lost with ${VICTIM}, and done again elsewhere: ${told}.`);
  console.log(`\nChart: ${chart}`);
}
