/** Queries: what the author of a workflow lets others ask about a run, answered from its log by anybody who has the code. */
import { checkId } from "../kernel/ids.ts";
import { checkFunction, invalid, isPlainObject, reading } from "./options.ts";

/** A step, as queries see it. */
export interface QueriedStep {
  readonly step: string;
  /** As in `RunView`: "waiting", "running", "completed" … */
  readonly status: string;
  readonly attempt: number;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
}

/** A run, as queries see it: as it is now. Frozen; nothing here touches the run. */
export interface QueriedRun {
  readonly run: string;
  readonly workflow: string;
  readonly status: string;
  readonly labels: Readonly<Record<string, string>>;
  /** `seq` of the last event. */
  readonly seq: number;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly endedAt: number | null;
  readonly steps: readonly QueriedStep[];
  input<T = unknown>(): Promise<T>;
  /** What a step has returned; undefined: it has not, or there is no such step. */
  result<T = unknown>(step: string): Promise<T | undefined>;
  /** What a step has saved last by `ctx.checkpoint`, while it runs too; undefined: nothing. */
  checkpoint<T = unknown>(step: string): Promise<T | undefined>;
}

/**
 * Answers a query. It runs in the process that asks, and may be asked at any time, also when the run has
 * ended. @param args what was asked with, as JSON
 */
export type Query = Answering["answer"];

/** A method, so that authors may say what type they take the arguments to be. */
interface Answering {
  answer(run: QueriedRun, args: unknown): unknown;
}

/** @throws MillraceError `E_ID_INVALID`, `E_DEF_INVALID` */
export function readQueries(what: string, raw: unknown): ReadonlyMap<string, Query> | undefined {
  if (raw === undefined) return undefined;
  return reading(what, () => {
    if (!isPlainObject(raw)) throw invalid(`${what}: queries must be a plain object of functions`);
    return new Map(
      Object.entries(raw).map(([name, query]) => [
        checkId(`${what}: query`, name),
        checkFunction<Query>(`${what}: query ${name}`, query),
      ]),
    );
  });
}
