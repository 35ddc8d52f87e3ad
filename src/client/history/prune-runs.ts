/** Retention: runs that have ended and are not wanted any more, archived first if somebody says where. */
import type { Engine } from "../../engine/engine.ts";
import type { Projector } from "../../engine/reading/projector.ts";
import { type Duration, millis } from "../../kernel/duration.ts";
import { checkId } from "../../kernel/ids.ts";
import {
  hasEnded,
  livesOn,
  type RunStatus,
  type RunSummaries,
  type RunSummary,
  runStatuses,
} from "../../projections/run-summary.ts";
import { ERASURES } from "../../stores/erasures.ts";
import { callOptions, invalidOption, wholeOption } from "../options.ts";

/** Which runs are not wanted any more. Only runs that have ended ever are; `olderThan` or `keep` must be given. */
export interface RetentionRule {
  /** @default every workflow */
  readonly workflow?: string;
  /** @default every status of runs that have ended */
  readonly statuses?: readonly RunStatus[];
  /** Those that ended longer ago than this. @default any */
  readonly olderThan?: Duration;
  /** All but so many, the newest, of each workflow. @default none is kept by number */
  readonly keep?: number;
}

/** The rule, read once and checked. */
export interface CheckedRule {
  readonly workflow: string | undefined;
  readonly statuses: ReadonlySet<RunStatus>;
  readonly olderThanMs: number;
  readonly keep: number;
}

const ENDED = runStatuses.filter((status) => hasEnded({ status } as RunSummary));

/** @throws MillraceError `E_OPTION_INVALID`, `E_ID_INVALID` */
export function checkRule(rule: RetentionRule): CheckedRule {
  const read = callOptions("a retention rule", rule, ["workflow", "statuses", "olderThan", "keep"]);
  const { workflow, statuses = ENDED, olderThan, keep } = read;
  if (olderThan === undefined && keep === undefined) {
    throw invalidOption("olderThan", "give an age, or a number of runs to keep");
  }
  if (workflow !== undefined) checkId("workflow name", workflow);
  if (!Array.isArray(statuses) || statuses.length === 0) {
    throw invalidOption("statuses", "must be a list of statuses, not empty");
  }
  for (const status of statuses) {
    if (!ENDED.includes(status)) {
      throw invalidOption("statuses", `${String(status)} is none of ${ENDED.join(", ")}`);
    }
  }
  return {
    workflow,
    statuses: new Set(statuses),
    olderThanMs: olderThan === undefined ? 0 : millis("olderThan", olderThan),
    keep: keep === undefined ? 0 : wholeOption("keep", keep, 0),
  };
}

/**
 * Runs that the rule does not want any more, the oldest first. Those that others need are wanted: runs that
 * others branched off or go on for, and children of whose end their parent does not know yet.
 */
export async function unwanted(
  engine: Engine,
  summaries: Projector<RunSummaries>,
  { workflow, statuses, olderThanMs, keep }: CheckedRule,
): Promise<RunSummary[]> {
  const before = engine.world.clock.now() - olderThanMs;
  const known = await summaries.current();
  const all = [...known.values()];
  const needed = new Set(all.flatMap((one) => [...neededBy(one), ERASURES]));
  const kept = new Map<string, number>();
  return all
    .filter((one) => statuses.has(one.status) && (workflow ?? one.workflow) === one.workflow)
    .sort((a, b) => endOf(b) - endOf(a))
    .filter((one) => {
      const nth = (kept.get(one.workflow) ?? 0) + 1;
      kept.set(one.workflow, nth);
      return nth > keep && endOf(one) <= before && !needed.has(one.run) && !livesOn(known, one);
    })
    .reverse()
    .map((summary) => structuredClone(summary));
}

function neededBy(summary: RunSummary): string[] {
  const { forkOf, children } = summary;
  const awaited = hasEnded(summary) ? [] : Object.values(children).map(({ run }) => run);
  return forkOf === null ? awaited : [forkOf.run, ...awaited];
}

const endOf = ({ endedAt, updatedAt }: RunSummary): number => endedAt ?? updatedAt;
