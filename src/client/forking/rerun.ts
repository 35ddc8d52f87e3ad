/** Doing a part of a run again: a fork in which a step, and what depends on it, is to be done anew. */
import type { ForkPoint } from "../../../machines/run-data.ts";
import { dependentsOf } from "../../domain/fork.ts";
import type { RunState } from "../../domain/state.ts";
import type { Engine } from "../../engine/engine.ts";
import type { Started } from "../../engine/hosting/begin-run.ts";
import { loadRunAt } from "../../engine/reading/history.ts";
import { existingRun } from "../existing-run.ts";
import { callOptions, invalidOption } from "../options.ts";
import type { ForkOptions } from "./fork-options.ts";
import { endingOf, requestOf } from "./fork-point.ts";
import { branchOff, type Forking } from "./fork-run.ts";

/** Which part of a run is done again. */
export interface RerunOptions extends Omit<ForkOptions, "seq" | "signal" | "results"> {
  /** The step from which on. @default the one that failed */
  readonly from?: string;
}

/** See `Client.rerun`. */
export async function rerunRun(
  forking: Forking,
  run: string,
  rawOptions: RerunOptions,
): Promise<Started> {
  const { engine } = forking;
  const { from, ...options } = callOptions("rerun()", rawOptions, [
    "from",
    "id",
    "input",
    "workflow",
    "labels",
    "allowIrreversible",
  ]);
  const now = await existingRun(engine, run);
  const end = (await endingOf(engine, run)) ?? { run, seq: now.cursor.seq };
  const then = await loadRunAt(engine, run, end.seq);
  const point =
    then.graph === undefined ? await inCode(engine, then, from, end) : inGraph(then, from, end);
  return branchOff(forking, { of: now, point, options });
}

/** Code goes back to where it asked for the step: what it did beside may depend on it as well. */
async function inCode(
  engine: Engine,
  { id: run, failed }: RunState,
  from: string | undefined,
  end: ForkPoint,
): Promise<ForkPoint> {
  const step = from ?? failed;
  // Its function failed by itself: it is run again over what is recorded.
  if (step === undefined) return end;
  const point = await requestOf(engine, run, step);
  if (point !== undefined) return point;
  throw unknownStep(run, step);
}

/** In a graph only what depends on the step is done again, and what did not complete. */
function inGraph(state: RunState, from: string | undefined, end: ForkPoint): ForkPoint {
  if (from !== undefined && !state.graph?.steps.has(from)) throw unknownStep(state.id, from);
  const roots = from === undefined ? [] : [from];
  for (const [id, { state: status }] of state.steps) {
    if (state.graph?.steps.has(id) && (status === "failed" || status === "cancelled")) {
      roots.push(id);
    }
  }
  const reset = dependentsOf(state, roots);
  return reset.length === 0 ? end : { ...end, reset };
}

const unknownStep = (run: string, step: string) =>
  invalidOption("from", `run ${run} has no step ${step}; \`millrace show ${run}\` lists its steps`);
