/**
 * Which runs refer to which blob. Blobs are stored by digest, so runs with equal values share them:
 * a run's blobs may only be deleted with it when no other run refers to them.
 */
import type { Value } from "../../machines/values.ts";
import { carriedValue } from "../events/carried-value.ts";
import type { Projection } from "./projection.ts";

/** Runs by digest. */
export type BlobReferences = Map<string, Set<string>>;

/** The projection behind erasing: what nobody refers to any more can go. */
export const blobReferences: Projection<BlobReferences> = {
  name: "blob-references",
  version: 2,
  initial: () => new Map(),
  // Sorted, because the order of map and sets tells of runs that were erased since, and of what came when.
  save: (view) => Array.from(view, ([blob, runs]) => [blob, ...[...runs].sort()]).sort(byBlob),
  restore: (saved) =>
    new Map((saved as [string, ...string[]][]).map(([blob, ...runs]) => [blob, new Set(runs)])),
  apply(view, { place, opened }) {
    if ("damaged" in opened) return;
    for (const event of opened.frame.events) {
      const value = carriedValue(event);
      for (const blob of value === undefined ? [] : blobsOf(value)) {
        const runs = view.get(blob);
        if (runs === undefined) view.set(blob, new Set([place.run]));
        else runs.add(place.run);
      }
    }
  },
  forget(view, run) {
    for (const [blob, runs] of view) if (runs.delete(run) && runs.size === 0) view.delete(blob);
  },
};

const byBlob = ([one = ""]: readonly string[], [other = ""]: readonly string[]): number =>
  one < other ? -1 : 1;

/** The blobs that a value refers to. */
export function* blobsOf(value: Value): Generator<string> {
  if ("blob" in value) yield value.blob;
  if ("list" in value) for (const one of value.list) yield* blobsOf(one);
}
