/** What an execution of a DAG comes to, read from the log of its run. */
import type { Failure } from "../../../machines/values.ts";
import { type RunState, stepActor } from "../../domain/state.ts";
import { fromValue, type ValueSource } from "../../engine/values/values.ts";
import { MillraceError } from "../../kernel/errors.ts";
import { type Converted, serializes } from "../../workflow/dag-conversions.ts";
import type { DagFunction } from "../../workflow/dag-function.ts";
import { toError } from "../../workflow/step-failure.ts";

/** The answer of `execute`. */
export interface Executed {
  /** Id of the run: by it, `stores.results` has the results as long as the run is kept. */
  readonly dagId: string;
  /** What each function returned, by id; of inline functions nothing. */
  readonly results: Readonly<Record<string, unknown>>;
  /** The node that each function ran on, by id. */
  readonly allocations: Readonly<Record<string, string>>;
  /** Functions that failed for good, by id; only with `onFailure: "continue"`. */
  readonly failures: Readonly<Record<string, FunctionFailure>>;
}

/** A function that failed for good. */
export interface FunctionFailure {
  readonly attempts: number;
  readonly error: Failure;
}

/**
 * @throws MillraceError `E_STEP_FAILED` (a function failed, and nothing was to go on), `E_TIMEOUT`,
 * `E_RESOURCES_UNAVAILABLE` (no node can ever carry a function; none was begun), `E_RUN_CANCELLED`, `E_RUN_TERMINATED`, `E_RUN_FAILED` (anything else that ended the run), `E_STORE_MISSING`
 */
export async function executed(
  source: ValueSource,
  state: RunState,
  functions: readonly DagFunction[],
): Promise<Executed> {
  const goesOn = state.plan?.kind === "graph" && state.plan.onFailure === "continue";
  const failedOnly = state.run.context.error?.code === "E_STEP_FAILED";
  if (state.run.state !== "completed" && !(goesOn && failedOnly)) throw refusal(state);
  const results: Record<string, unknown> = {};
  const allocations: Record<string, string> = {};
  const failures: Record<string, FunctionFailure> = {};
  for (const [id, { state: status, context }] of state.steps) {
    const { output, node, attempt, error } = context;
    if (node !== null) allocations[id] = node;
    if (status === "failed" && error !== null) failures[id] = { attempts: attempt, error };
    if (output === null) continue;
    const value: unknown = await fromValue(source, output, state);
    results[id] = serializes(functions, id) ? (value as Converted).data : value;
  }
  return { dagId: state.id, results, allocations, failures };
}

/** Why there is no answer. */
function refusal(state: RunState): MillraceError {
  const { id: run, failed } = state;
  const { error, cancelledBy, cancelReason } = state.run.context;
  if (state.run.state !== "failed" || error === null) {
    const how = state.run.state === "terminated" ? "terminated" : "cancelled";
    return new MillraceError(
      how === "terminated" ? "E_RUN_TERMINATED" : "E_RUN_CANCELLED",
      `run ${run} was ${how} by ${cancelledBy ?? "?"}: ${cancelReason ?? ""}`,
      { details: { run } },
    );
  }
  const cause = toError(error);
  if (error.code === "E_RESOURCES_UNAVAILABLE") {
    return new MillraceError(error.code, `run ${run} cannot run: ${error.message}`, {
      cause,
      details: { run },
    });
  }
  if (error.code !== "E_STEP_FAILED" || failed === undefined) {
    const code = error.code === "E_TIMEOUT" ? "E_TIMEOUT" : "E_RUN_FAILED";
    return new MillraceError(code, `run ${run} failed: ${error.message}`, {
      cause,
      details: { run, code: error.code },
    });
  }
  const { attempt: attempts, error: why } = stepActor(state, failed).context;
  const tried = attempts === 1 ? "1 attempt" : `${attempts} attempts`;
  return new MillraceError(
    "E_STEP_FAILED",
    `function ${failed} failed after ${tried}: ${why?.message ?? error.message}`,
    {
      cause: why === null ? cause : toError(why),
      details: { run, function: failed, attempts, code: why?.code ?? error.code },
    },
  );
}
