/**
 * Recovery: a worker process is killed (SIGKILL) after step 100 of a 200-step run and started again.
 * Measured from the start of the second process to the moment its first step runs, by the machine's
 * clock, and to the end of the run. No step that was recorded may run again.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Millrace, workflow } from "../src/index.ts";
import { percentile, rounded } from "./measure.ts";
import { RESTART_STEPS, restartWorkflow } from "./restart-workflow.ts";

const WORKER = new URL("restart-worker.js", import.meta.url).pathname;

export interface Restart {
  readonly rounds: number;
  /** Median over the rounds, process start included. */
  readonly firstStepMs: number;
  readonly firstStepMaxMs: number;
  readonly endMs: number;
  readonly completedStepsRunTwice: number;
}

const startWorker = (store: string): ChildProcess =>
  spawn(process.execPath, [WORKER, store], { stdio: ["ignore", "inherit", "inherit"] });

async function kill(worker: ChildProcess): Promise<void> {
  const gone = once(worker, "exit");
  worker.kill("SIGKILL");
  await gone;
}

/** Lines "step pid time" that the step's code left. */
const executions = (file: string): { step: string; pid: number; at: number }[] =>
  readFileSync(file, "utf8")
    .trim()
    .split("\n")
    .map((line) => {
      const [step = "", pid, at] = line.split(" ");
      return { step, pid: Number(pid), at: Number(at) };
    });

export async function restartTime(
  millrace: Millrace,
  store: string,
  folder: string,
  rounds: number,
): Promise<Restart> {
  const restart = restartWorkflow(workflow);
  const [firsts, ends]: [number[], number[]] = [[], []];
  let twice = 0;
  for (let round = 0; round < rounds; round++) {
    const file = join(folder, `restart-${round}`);
    const run = await millrace.start(restart, file);
    const first = startWorker(store);
    const committed = new Set<string>();
    for await (const event of run.events()) {
      if (event.type === "step.completed") committed.add(event.step);
      if (committed.size === RESTART_STEPS / 2) break;
    }
    await kill(first);
    const began = Date.now();
    const second = startWorker(store);
    await run.result();
    ends.push(Date.now() - began);
    await kill(second);
    const after = executions(file).filter(({ pid }) => pid === second.pid);
    firsts.push((after[0]?.at ?? Number.NaN) - began);
    twice += after.filter(({ step }) => committed.has(step)).length;
  }
  return {
    rounds,
    firstStepMs: rounded(percentile(firsts, 0.5)),
    firstStepMaxMs: Math.max(...firsts),
    endMs: rounded(percentile(ends, 0.5)),
    completedStepsRunTwice: twice,
  };
}
