/**
 * The results of one run by id, as the result store answers for them: what its steps returned, what
 * was stored by hand, what lives on a node; whichever was recorded last. A result stored by hand is an
 * output of its id: the artifact `result` of attempt 0, a number that no step's attempt has.
 */
import type { Value } from "../../machines/values.ts";
import type { MillraceEvent } from "../events/vocabulary.ts";
import type { DataLocation } from "./data-locations.ts";
import { charsLeft } from "./outputs.ts";
import type { RunFold } from "./run-fold.ts";

/** Attempts of steps begin with 1, so nothing that a step hands out is taken for a result. */
export const RESULT_ATTEMPT = 0;
/** The name of the artifact that a result is. */
export const RESULT_NAME = "result";

/** Where a result is to be had. */
export type ResultPlace =
  /** Recorded in the log; `kept` is the recorded value if it is small or a reference. */
  | {
      readonly kind: "stored";
      readonly position: number;
      readonly seq: number;
      readonly kept: Value | null;
    }
  /** What the step of that id returned: in the run's state. */
  | { readonly kind: "step" }
  | { readonly kind: "node"; readonly at: DataLocation };

/** By id, in the order in which they were first recorded. */
export type RunResults = Map<string, ResultPlace>;

/** Larger inline values are read from the log again. */
const KEPT_CHARS = 2_048;

/** Folds `step.completed`, `data.located`, and the outputs that are results. */
export const resultFold: RunFold<RunResults> = {
  initial: () => new Map(),
  apply(view, event, { seq, position }) {
    switch (event.type) {
      case "step.completed":
        view.set(event.step, { kind: "step" });
        break;
      case "output.emitted": {
        const value = resultIn(event);
        if (value === undefined) break;
        const kept = charsLeft(value, KEPT_CHARS) > 0 ? value : null;
        view.set(event.producer, { kind: "stored", position, seq, kept });
        break;
      }
      case "data.located": {
        const { key, node, digest, bytes } = event;
        if (key === "") view.clear();
        else if (node === "") view.delete(key);
        else if (digest !== "" || !isInLog(view.get(key))) {
          view.set(key, { kind: "node", at: { node, digest, bytes, seq } });
        }
        break;
      }
    }
  },
};

/** A location that somebody only heard of does not hide a value that the log itself has. */
const isInLog = (place: ResultPlace | undefined): boolean =>
  place !== undefined && place.kind !== "node";

/** The value in an output that is a result stored by hand; undefined for any other event. */
export function resultIn(event: MillraceEvent): Value | undefined {
  if (event.type !== "output.emitted" || event.attempt !== RESULT_ATTEMPT) return undefined;
  const { content } = event;
  return content.type === "artifact" && content.name === RESULT_NAME ? content.content : undefined;
}
