/** What is in trouble, over all runs, with the reason: for people who look after them. */
import type { Failure } from "../../../machines/values.ts";
import type { Projector } from "../../engine/reading/projector.ts";
import { checkId } from "../../kernel/ids.ts";
import type { RunSummaries, RunSummary } from "../../projections/run-summary.ts";
import { callOptions, wholeOption } from "../options.ts";

/** Which troubles `failures` gives. */
export interface FailuresOptions {
  readonly workflow?: string;
  /** At most so many, the newest first. @default 100 */
  readonly limit?: number;
}

/** Something that somebody should look at. */
export interface Trouble {
  /**
   * `held`: a step is out of attempts; retry, skip or fail it. `stuck`: the run cannot be gone on with, and
   * is looked at again later. `failed`: the run has ended; fork it to go on. `quarantined`: its log is
   * damaged.
   */
  readonly kind: "held" | "stuck" | "failed" | "quarantined";
  readonly run: string;
  readonly workflow: string;
  /** Of a step that is held. */
  readonly step: string | null;
  readonly attempt: number | null;
  /** Milliseconds since the epoch. */
  readonly since: number;
  /** When something happens by itself; null: never. */
  readonly until: number | null;
  readonly error: Failure;
}

/** See `Operator.failures`. */
export async function listFailures(
  summaries: Projector<RunSummaries>,
  options: FailuresOptions,
): Promise<readonly Trouble[]> {
  const given = callOptions("failures()", options, ["workflow", "limit"]);
  const { workflow } = given;
  const limit = wholeOption("limit", given.limit ?? 100, 0);
  if (workflow !== undefined) checkId("workflow name", workflow);
  const found: Trouble[] = [];
  for (const summary of (await summaries.current()).values()) {
    if (workflow === undefined || summary.workflow === workflow) found.push(...troublesOf(summary));
  }
  return found.sort((a, b) => b.since - a.since).slice(0, limit);
}

const UNKNOWN: Failure = { code: "Error", message: "unknown" };

function* troublesOf(summary: RunSummary): Generator<Trouble> {
  const { run, workflow, status, error, held, parkedError, parkedUntil, updatedAt } = summary;
  const ofRun = { run, workflow, step: null, attempt: null, until: null };
  if (status === "failed" || status === "quarantined") {
    const since = summary.endedAt ?? updatedAt;
    yield { ...ofRun, kind: status, since, error: error ?? UNKNOWN };
    return;
  }
  if (parkedError !== null) {
    yield { ...ofRun, kind: "stuck", since: updatedAt, until: parkedUntil, error: parkedError };
  }
  for (const { step, attempt, since, error: cause } of held) {
    yield { ...ofRun, kind: "held", step, attempt, since, error: cause };
  }
}
