/** Where a step may run, as users say it: the options, and their meaning as part of its policy. */
import { checkLabels } from "../cluster/labels.ts";
import { checkResources } from "../cluster/resources.ts";
import type { StepPlace } from "../domain/plan.ts";
import { checkId } from "../kernel/ids.ts";
import { flagOption, type Read } from "./options.ts";

/** Where a step may run, and what it takes there. A step that says nothing takes one slot of any node. */
export interface PlaceOptions {
  /**
   * What it takes of its node while it runs, by name: `{ cpu: 2, memory: 512 }`. Nodes say what they have:
   * `open({ resources })`. @default {}
   */
  readonly resources?: Readonly<Record<string, number>>;
  /** The id of the only node that may run it. @default any */
  readonly node?: string;
  /** A step of the run whose node it runs on, if that still takes steps and there is room. @default none */
  readonly collocateWith?: string;
  /** Only nodes that were opened with these labels. @default {} */
  readonly labels?: Readonly<Record<string, string>>;
  /** Prefer nodes that run fewer steps of this kind (items of one map, say). @default false */
  readonly spread?: boolean;
}

/** The names of `PlaceOptions`. */
export const PLACE_OPTIONS = ["resources", "node", "collocateWith", "labels", "spread"] as const;

/**
 * The place that options mean, frozen; undefined: they say nothing.
 * @param what whose they are, for messages: "step a"
 * @throws MillraceError `E_OPTION_INVALID`, `E_ID_INVALID`, `E_DEF_INVALID`
 */
export function readPlace(what: string, read: Read): StepPlace | undefined {
  if (!PLACE_OPTIONS.some((key) => read.has(key))) return undefined;
  const id = (key: "node" | "collocateWith", of: string): string | undefined =>
    read.has(key) ? checkId(`${what}: ${key}, ${of}`, read.get(key)) : undefined;
  const resources = checkResources(`${what}: resources`, read.get("resources") ?? {});
  const labels = checkLabels(`${what}: labels`, read.get("labels") ?? {});
  const node = id("node", "a node id");
  const collocateWith = id("collocateWith", "a step name");
  return Object.freeze({
    ...(Object.keys(resources).length === 0 ? {} : { resources }),
    ...(node === undefined ? {} : { node }),
    ...(collocateWith === undefined ? {} : { collocateWith }),
    ...(Object.keys(labels).length === 0 ? {} : { labels }),
    ...(flagOption(what, read, "spread") ? { spread: true as const } : {}),
  });
}
