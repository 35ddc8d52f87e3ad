/** A signal to many runs: to those that have a correlation key, labels, or a workflow in common. */

import type { Engine } from "../../engine/engine.ts";
import type { RunIndexKeeper } from "../../engine/reading/run-index-keeper.ts";
import { type KeptFor, keepForKey, type SignalInput } from "../../engine/turn/correlated.ts";
import { readJson, toValue } from "../../engine/values/values.ts";
import { type Duration, millis } from "../../kernel/duration.ts";
import { isMillraceError } from "../../kernel/errors.ts";
import { checkId } from "../../kernel/ids.ts";
import { limits } from "../../kernel/limits.ts";
import type { RunFilter, RunIndex, RunPlace } from "../../ports/run-index.ts";
import { hasEnded, type RunSummary, runStatuses } from "../../projections/run-summary.ts";
import { callOptions, invalidOption } from "../options.ts";
import { checkCorrelation, checkLabels } from "../starting/start-run.ts";
import { postInput, takerOf } from "./tell-run.ts";

/** Which runs a signal is for: those with all that is given, of which there must be something. */
export interface SignalTarget {
  /** The key that they were started with. */
  readonly correlation?: string;
  readonly workflow?: string;
  readonly labels?: Readonly<Record<string, string>>;
}

/** What goes with a signal to many runs. */
export interface SignalWhereOptions {
  /** Its own id: a run takes it once, however often it is sent. @default a new one */
  readonly id?: string;
  /**
   * Runs that are started with the key so much later get it too, "90d" at most; 0: only those that exist.
   * Only for a target with `correlation`. @default "1d"
   */
  readonly keep?: Duration;
}

/** What it takes to find runs and to tell them something. */
export interface SignalParts {
  readonly engine: Engine;
  readonly index: RunIndexKeeper;
}

const PAGE = 500;
/** Runs told at once. */
const AT_ONCE = 32;

/** See `Client.signalWhere`. */
export async function signalWhere(
  { engine, index }: SignalParts,
  target: SignalTarget,
  name: string,
  payload: unknown,
  options: SignalWhereOptions,
): Promise<readonly string[]> {
  const where = checkTarget(target);
  const given = callOptions("signalWhere()", options, ["id", "keep"]);
  const { id = engine.world.ids() } = given;
  checkId("signal name", name);
  checkId("signal id", id);
  const keepMs = keepTime(where, given.keep);
  const what = `payload of signal ${name}`;
  // Copied before anything is waited for: the caller may go on to change it.
  const json = readJson(what, payload);
  const value = await toValue(engine.store.blobs, what, json);
  const signal: SignalInput = { kind: "signal", id, name, payload: value };
  const { correlation, ...others } = where;
  if (correlation !== undefined && keepMs > 0) {
    const until = engine.world.clock.now() + keepMs;
    await keepForKey(engine, correlation, { signal, until, where: others });
  }
  // Only now, and up to the head of the log: whoever is not found here was created after it was kept.
  const found = [...aliveRuns(await index.current(), where)];
  const told: string[] = [];
  const work = found.values();
  const tellThem = async (): Promise<void> => {
    for (const run of work) if (await tell(engine, run, signal)) told.push(run);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, tellThem));
  const got = new Set(told);
  return found.filter((run) => got.has(run));
}

/** @throws MillraceError `E_OPTION_INVALID`, `E_ID_INVALID` */
function checkTarget(target: SignalTarget): SignalTarget & KeptFor {
  const read = callOptions("signalWhere()", target, ["correlation", "workflow", "labels"]);
  const { correlation, workflow } = read;
  const labels = checkLabels(read.labels);
  if (correlation === undefined && workflow === undefined && labels === undefined) {
    throw invalidOption("correlation", "say which runs: by correlation, workflow or labels");
  }
  return {
    ...(correlation === undefined ? {} : { correlation: checkCorrelation(correlation) }),
    ...(workflow === undefined ? {} : { workflow: checkId("workflow name", workflow) }),
    ...(labels === undefined ? {} : { labels }),
  };
}

function keepTime({ correlation }: SignalTarget, keep: Duration | undefined): number {
  if (keep === undefined) return limits.correlatedKeptMs;
  if (correlation === undefined) throw invalidOption("keep", "goes with a correlation key only");
  const ms = millis("keep", keep);
  if (ms <= limits.inputKeptMs) return ms;
  throw invalidOption("keep", "is more than 90 days");
}

const ALIVE = runStatuses.filter((status) => !hasEnded({ status } as RunSummary));

/** Runs that may take a signal; of a chain the newest, which has the inbox of all. */
function* aliveRuns(index: RunIndex, where: SignalTarget): Generator<string> {
  const filter: RunFilter = { ...where, statuses: [...ALIVE, "continued"] };
  for (let after: RunPlace | undefined; ; ) {
    const page = index.page(filter, "created", after, PAGE);
    for (const { run, next } of page) {
      if (next === null || index.get(next) === undefined) yield run;
    }
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE) return;
    after = { at: last.createdAt, run: last.run };
  }
}

/** False: it has ended meanwhile. */
async function tell(engine: Engine, run: string, signal: SignalInput): Promise<boolean> {
  try {
    const taker = await takerOf(engine, run, signal.id);
    if (taker !== undefined) await postInput(engine, taker, signal);
    return true;
  } catch (error) {
    if (isMillraceError(error, "E_COMMAND_REFUSED") || isMillraceError(error, "E_RUN_NOT_FOUND")) {
      return false;
    }
    throw error;
  }
}
