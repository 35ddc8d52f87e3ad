/**
 * Which runs refer to which blob. Blobs are stored by digest, so runs with equal values share them: a
 * run's blobs may only be deleted with it when no other run refers to them.
 */
import type { Value } from "../../machines/values.ts";
import type { MillraceEvent, OutputContent } from "../events/vocabulary.ts";
import type { Projection } from "./projection.ts";

/** Runs by digest. */
export type BlobReferences = Map<string, Set<string>>;

export const blobReferences: Projection<BlobReferences> = {
  name: "blob-references",
  version: 1,
  initial: () => new Map(),
  save: (view) => Array.from(view, ([blob, runs]) => [blob, ...runs]),
  restore: (saved) =>
    new Map((saved as [string, ...string[]][]).map(([blob, ...runs]) => [blob, new Set(runs)])),
  apply(view, { place, opened }) {
    if ("damaged" in opened) return;
    for (const event of opened.frame.events) {
      for (const blob of blobsOf(event)) {
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

/** The blobs that an event refers to. */
export function blobsOf(event: MillraceEvent): string[] {
  return valuesOf(event).flatMap((value) =>
    value !== undefined && "blob" in value ? [value.blob] : [],
  );
}

function valuesOf(event: MillraceEvent): readonly (Value | undefined)[] {
  switch (event.type) {
    case "run.created":
    case "step.scheduled":
    case "step.started":
      return [event.input];
    case "run.completed":
    case "step.completed":
      return [event.output];
    case "signal.received":
    case "user.noted":
      return [event.payload];
    case "checkpoint.saved":
      return [event.state];
    case "output.emitted":
      return [contentOf(event.content)];
    default:
      return [];
  }
}

function contentOf(content: OutputContent): Value | undefined {
  if (content.type === "partial") return content.chunk;
  return content.type === "progress" ? undefined : content.content;
}
