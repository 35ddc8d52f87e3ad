/**
 * Runs that are held back: they begin at a time, or when their gate lets them in. Until then they are
 * hosted for what they are told only, and nothing of them begins.
 */
import type { Admission, Limit } from "../../machines/gate-data.ts";
import { holdsBack } from "../../machines/run-admission.ts";
import type { RunState } from "./state.ts";

/** The limit that runs of one schedule share: its key is the schedule's id. No limit of users is called that. */
export const SCHEDULE_LIMIT = "schedule";

const ALIVE: ReadonlySet<string> = new Set(["pending", "running", "parked"]);

/** Whether nothing of the run may begin yet. One that is being ended needs no leave for that. */
export const isHeldBack = ({ run }: RunState): boolean =>
  ALIVE.has(run.state) && holdsBack(run.context);

/** When a run that is held back is to ask again whether it may begin; undefined: it is not, or must not. */
export function nextAsk(state: RunState, now: number): number | undefined {
  const { notBefore, paused } = state.run.context;
  if (!isHeldBack(state) || paused !== null) return undefined;
  return Math.max(notBefore ?? now, now);
}

/** Whether what was read from a log, if anything, has the form that gates are asked by. */
export function isAdmission(raw: unknown): raw is Admission | undefined {
  if (raw === undefined) return true;
  const { gate, limits, priority, fair } = (raw ?? {}) as Partial<Admission>;
  return (
    typeof gate === "string" &&
    typeof priority === "number" &&
    typeof fair === "string" &&
    areLimits(limits)
  );
}

/** The same for the limits that somebody asks under. */
export const areLimits = (raw: unknown): raw is readonly Limit[] =>
  Array.isArray(raw) &&
  raw.every((one: Partial<Limit> | null) => {
    const { name, key, limit, perMs = 1 } = one ?? {};
    return (
      typeof name === "string" &&
      typeof key === "string" &&
      Number.isFinite(limit) &&
      Number.isFinite(perMs)
    );
  });
