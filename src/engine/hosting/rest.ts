/** What a host does with a run of which nothing moves right now. */
import { isHeldBack } from "../../domain/admission.ts";
import { nextWake } from "../../domain/outstanding.ts";
import { isParked, openChildren, type RunState } from "../../domain/state.ts";

/** The times by which that is decided (ms since the epoch; `parkAfterMs`: a duration). */
export interface RestTimes {
  /** By which the last turn was decided. */
  readonly decidedAt: number;
  /** By which the last turn was decided that led to a commit. */
  readonly movedAt: number;
  readonly now: number;
  /** Waits longer than this park the run. */
  readonly parkAfterMs: number;
}

/** `parked`: it is recorded as parked. `park`: it should be. `stay`: it is kept, until `wake` if there is one. */
export type Rest = { readonly wake: number | undefined; readonly waitMs: number } & (
  | { readonly kind: "parked" | "stay" }
  | { readonly kind: "park"; readonly until: number | undefined }
);

/** States that a run may wait in without a host. */
const PARKABLE: ReadonlySet<string> = new Set(["running", "compensating"]);

/** Whether to keep the run, or to park it, if none of its attempts runs here. */
export function restOf(state: RunState, { decidedAt, movedAt, now, parkAfterMs }: RestTimes): Rest {
  const { run, pending, running, requested, stopping } = state;
  const wake = nextWake(state, decidedAt);
  const waitMs = (wake ?? Number.POSITIVE_INFINITY) - now;
  if (isParked(state)) return { kind: "parked", wake, waitMs };
  // What was due in the last turn and did not happen waits for a slot, not for a time.
  const owes = requested.size + stopping.size > 0;
  const waits = pending.size > 0 || owes || nextWake(state) !== wake;
  const stuck = waits && run.context.paused === null && !isHeldBack(state);
  // Attempts on other nodes are watched by the host.
  if (!PARKABLE.has(run.state) || stuck || running.size > 0 || waitMs <= parkAfterMs) {
    return { kind: "stay", wake, waitMs };
  }
  // Children that end soon after each other would otherwise have the run folded anew for each of them.
  const lingerMs = openChildren(state) > 0 ? movedAt + parkAfterMs - now : 0;
  if (lingerMs > 0) return { kind: "stay", wake: now + lingerMs, waitMs: lingerMs };
  return { kind: "park", until: wake, wake, waitMs };
}
