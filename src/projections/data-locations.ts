/**
 * Where the values of one run can be fetched that live on a node. An entry without a node is the word
 * that the value is gone; one without a key, that all of the run's are.
 */
import type { RunFold } from "./run-fold.ts";

/** Where one value lives. */
export interface DataLocation {
  readonly node: string;
  /** SHA-256 (base64url) of its bytes; "" when whoever registered it did not know. */
  readonly digest: string;
  readonly bytes: number;
  readonly seq: number;
}

/** By key, in the order in which they were first registered. */
export type DataLocations = Map<string, DataLocation>;

export const locationFold: RunFold<DataLocations> = {
  initial: () => new Map(),
  apply(view, event, { seq }) {
    if (event.type === "step.completed" && "kept" in event.output) {
      const { kept: digest, node, bytes } = event.output;
      view.set(event.step, { node, digest, bytes, seq });
    }
    if (event.type !== "data.located") return;
    const { key, node, digest, bytes } = event;
    if (key === "") view.clear();
    else if (node === "") view.delete(key);
    else view.set(key, { node, digest, bytes, seq });
  },
};
