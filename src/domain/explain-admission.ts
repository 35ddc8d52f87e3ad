/** What a run waits for that is held back: its time, and the leave of its gate. */
import type { Limit } from "../../machines/gate-data.ts";
import { SCHEDULE_LIMIT } from "./admission.ts";
import { timeWait } from "./explain-outside.ts";
import type { LimitUse, Standing } from "./gate.ts";
import type { RunState } from "./state.ts";
import type { Wait } from "./wait.ts";

/** As the run's own log tells; who comes before it, its gate knows. */
export function* admissionWaits({ run: { context } }: RunState): Generator<Wait> {
  const { admission, createdAt: since, notBefore, updatedAt } = context;
  if (notBefore !== null) {
    const next = admission === null ? "its first steps begin" : "it asks to be admitted";
    yield { ...timeWait(whyLater(context), since, notBefore), next };
  }
  if (admission === null) return;
  yield {
    kind: "admission",
    what: `waits for admission: ${admission.limits.map(limitName).join(", ") || "no limit"}`,
    // A time that is still to come is waited for beside it.
    since: notBefore !== null && notBefore <= updatedAt ? Math.max(since, notBefore) : since,
    until: null,
    by: `gate ${admission.gate}, as soon as its limits have room`,
    next: "its first steps begin",
  };
}

/** Why it does not begin at once. */
function whyLater({ gather, gathered }: RunState["run"]["context"]): string {
  if (gather === null) return "does not begin before its time";
  const key = gather.key === "" ? "" : ` with key ${gather.key}`;
  const count = Object.keys(gathered).length;
  const so = count === 1 ? "1 start" : `${count} starts`;
  return gather.by === "batch"
    ? `collects starts${key}: ${so} in its batch so far`
    : `waits for quiet among starts${key}: ${so} so far`;
}

/** The wait with what the gate knows of it: the place in line, and which limits are full. */
export function standingWait(wait: Wait, { place, line, lines, full, roomAt }: Standing): Wait {
  const turns = lines > 1 ? `, ${lines} keys take turns` : "";
  const filled = full.map((use) => `${limitName(use)} (${use.used} of ${use.limit}${span(use)})`);
  return {
    ...wait,
    what: `${wait.what}; place ${place} of ${line}${turns}`,
    // Only who is first in line gets what time makes room for.
    until: place === 1 && lines === 1 ? roomAt : null,
    by: full.length === 0 ? `${wait.by}: now` : `room in ${filled.join(" and ")}`,
  };
}

const span = ({ perMs }: LimitUse): string => (perMs === undefined ? "" : ` in ${perMs} ms`);

/** A limit by its name and key. */
export function limitName({ name, key }: Limit): string {
  if (name === SCHEDULE_LIMIT) return `one run at a time of schedule ${key}`;
  return key === "" ? name : `${name} of ${key}`;
}
