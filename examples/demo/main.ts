/**
 * `npm run demo`: a document pipeline over real files. A worker is killed with SIGKILL in the middle,
 * another takes over, and the report appears; then the log is asked what happened.
 *
 *   --cluster    four workers on a nats-server share a graph instead, and one is killed (see cluster.ts)
 *   --scale X    with it: seconds for a second of the graph   (default: 0.05)
 *   --dir DIR    folder of text files     (default: this repository)
 *   --nats       on a nats-server that the demo starts   (default: a SQLite file)
 *   --pace MS    least time per file, to watch it         (default: 10)
 *   --out FILE   where the report goes, or the chart
 *                (default: .millrace/demo/report-<store>.html, .millrace/demo/cluster.svg)
 *   --json       ends with one JSON object on stdout; progress goes to stderr
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { startNatsServer } from "../../scripts/nats-server.ts";
import { type Millrace, open, type RecordedEvent } from "../../src/index.ts";
import { clusterDemo } from "./cluster.ts";
import { pipeline, type Request } from "./pipeline.ts";
import { type Outcome, Progress, printOutcome } from "./show.ts";
import { DEFAULT_SCALE } from "./survey.ts";

const { values: flags } = parseArgs({
  options: {
    dir: { type: "string", default: new URL("../..", import.meta.url).pathname },
    nats: { type: "boolean", default: false },
    pace: { type: "string", default: "10" },
    out: { type: "string" },
    cluster: { type: "boolean", default: false },
    scale: { type: "string", default: String(DEFAULT_SCALE) },
    json: { type: "boolean", default: false },
  },
});

const RUN = "documents";
const storeName = flags.nats ? "nats" : "sqlite";

/** A worker in a process of its own. */
function startWorker(store: string, node: string): ChildProcess {
  const script = new URL("worker.ts", import.meta.url).pathname;
  return spawn(process.execPath, [script, store, node], {
    stdio: ["ignore", "inherit", "inherit"],
  });
}

async function stop(worker: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (worker.exitCode !== null || worker.signalCode !== null) return;
  const gone = once(worker, "exit");
  worker.kill(signal);
  await gone;
}

interface Killing {
  /** The last event that had been committed when the kill was sent. */
  readonly seq: number;
  readonly completed: ReadonlySet<string>;
  /** Executions until the process was gone. */
  readonly executions: readonly string[];
}

const linesOf = (file: string): string[] =>
  existsSync(file) ? readFileSync(file, "utf8").split("\n").filter(Boolean) : [];

/** Follows the run to its end; kills the first worker when half of the files are parsed. */
async function follow(
  millrace: Millrace,
  request: Request,
  workers: { first: ChildProcess; startSecond: () => ChildProcess },
  progress: Progress,
): Promise<{ killing: Killing | undefined; events: RecordedEvent[] }> {
  const events: RecordedEvent[] = [];
  const completed = new Set<string>();
  let killing: Killing | undefined;
  let files = Number.POSITIVE_INFINITY;
  for await (const event of millrace.subscribe({ run: RUN })) {
    events.push(event);
    progress.show(event);
    if (event.type === "step.mapped" && event.step === "parse") files = event.count;
    if (event.type === "step.completed") completed.add(event.step);
    if (killing === undefined && completed.size > files / 2) {
      await stop(workers.first, "SIGKILL");
      killing = {
        seq: event.seq,
        completed: new Set(completed),
        executions: linesOf(request.executions),
      };
      progress.say(`worker killed (SIGKILL) after event ${event.seq}; starting another`);
      workers.startSecond();
    }
  }
  return { killing, events };
}

/** Steps whose result was in the log when the worker was killed, and that were executed again after. */
function executedAgain({ completed, executions }: Killing, all: readonly string[]): string[] {
  const after = all.slice(executions.length).map((line) => line.split(" ")[0] ?? "");
  return after.filter((step) => completed.has(step));
}

async function demo(store: string, scratch: string): Promise<Outcome> {
  const progress = new Progress(process.stderr);
  const request: Request = {
    dir: resolve(flags.dir),
    report: resolve(flags.out ?? `.millrace/demo/report-${storeName}.html`),
    executions: join(scratch, "executions"),
    paceMs: Number(flags.pace),
  };
  await using millrace = await open({ store, workflows: [pipeline], worker: false });
  const began = performance.now();
  const workers = [startWorker(store, "worker-1")];
  try {
    await millrace.start(pipeline, request, { id: RUN });
    const startSecond = (): ChildProcess => {
      const second = startWorker(store, "worker-2");
      workers.push(second);
      return second;
    };
    const [first] = workers as [ChildProcess];
    const { killing, events } = await follow(millrace, request, { first, startSecond }, progress);
    progress.end();
    const { report } = (await millrace.handle<{ report: string }>(RUN).result()) as {
      report: string;
    };
    if (killing === undefined) throw new Error("the run ended before the worker could be killed");
    return {
      store: storeName,
      killed: true,
      killedAfterEvent: killing.seq,
      completedStepsRunTwice: executedAgain(killing, linesOf(request.executions)).length,
      retriedSteps: events.flatMap((event) => (event.type === "step.retrying" ? [event.step] : [])),
      events: events.length,
      seconds: Number(((performance.now() - began) / 1000).toFixed(2)),
      before: await millrace.get(RUN, { seq: killing.seq }),
      after: await millrace.get(RUN),
      report,
    };
  } finally {
    await Promise.all(workers.map((worker) => stop(worker, "SIGTERM")));
  }
}

async function pipelineDemo(): Promise<void> {
  const scratch = mkdtempSync(join(tmpdir(), "millrace-demo-"));
  const server = flags.nats ? await startNatsServer() : undefined;
  try {
    const outcome = await demo(server?.url ?? `sqlite:${join(scratch, "demo.db")}`, scratch);
    printOutcome(outcome, flags.json);
  } finally {
    await server?.stop();
    rmSync(scratch, { recursive: true, force: true });
  }
}

if (flags.cluster) {
  const out = flags.out ?? ".millrace/demo/cluster.svg";
  await clusterDemo({ out, scale: Number(flags.scale), json: flags.json });
} else await pipelineDemo();
