/** What a run waits for that is held back: its time, and the leave of its gate. */
import type { Limit } from "../../machines/gate-data.ts";
import { timeWait } from "./explain-outside.ts";
import type { RunState } from "./state.ts";
import type { Wait } from "./wait.ts";

/** As the run's own log tells; who comes before it, its gate knows. */
export function* admissionWaits({ run: { context } }: RunState): Generator<Wait> {
  const { admission, createdAt: since, notBefore, updatedAt } = context;
  if (notBefore !== null) {
    const next = admission === null ? "its first steps begin" : "it asks to be admitted";
    yield { ...timeWait("does not begin before its time", since, notBefore), next };
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

/** A limit by its name and key. */
export const limitName = ({ name, key }: Limit): string =>
  key === "" ? name : `${name} of ${key}`;
