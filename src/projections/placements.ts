/**
 * The placements that a log records, and what another strategy would have chosen each time: from the request
 * and the nodes as they were then, both of which stand in `step.started`. Each decision is looked at as it
 * was made, not as it would have been had the ones before it gone otherwise.
 */
import type { Placement } from "../../machines/placement.ts";
import type { Allocator, ClusterView, NodeView, StepRequest } from "../cluster/allocator.ts";
import { type Choice, choose } from "../cluster/choose.ts";
import type { RecordedEvent } from "../events/vocabulary.ts";

/** A decision, as it was made. */
export interface RecordedPlacement {
  readonly run: string;
  readonly seq: number;
  readonly step: string;
  readonly attempt: number;
  readonly node: string;
  readonly strategy: string;
  readonly reason: string;
}

/** A decision beside what another strategy says about it. */
export interface ReplayedPlacement extends RecordedPlacement {
  /** `now: false`: it would have waited in that node's line. */
  readonly other: Choice;
  /** It would have chosen the same node. */
  readonly same: boolean;
}

/** What is known of a run when its next step is placed. */
interface Placed {
  host: string;
  /** Nodes of its steps. */
  readonly places: Map<string, string>;
}

/**
 * Attempts that begin where their host runs them without having been asked where carry no placement, and are
 * left out. Pure.
 * @param events of one run, or of any number, in the order of the log
 * @param strategy undefined: as runs without a strategy are placed, at their host while there is room
 */
export function* replayPlacements(
  events: Iterable<RecordedEvent>,
  strategy?: Allocator,
): Generator<ReplayedPlacement> {
  const runs = new Map<string, Placed>();
  for (const event of events) {
    const run = runs.get(event.run) ?? { host: "", places: new Map<string, string>() };
    runs.set(event.run, run);
    if (event.type === "run.claimed") run.host = event.node;
    if (event.type !== "step.started") continue;
    const { step, attempt, node, seq, placement } = event;
    if (placement !== undefined) {
      const request = placement.request as StepRequest;
      const other = choose(strategy, request, viewOf(run, placement));
      const made = { node, strategy: placement.strategy, reason: placement.reason };
      const same = "node" in other && other.node === node;
      yield { run: event.run, seq, step, attempt, ...made, other, same };
    }
    run.places.set(step, node);
  }
}

const viewOf = ({ host, places }: Placed, { nodes, recent = [] }: Placement): ClusterView => ({
  self: host,
  nodes: nodes as readonly NodeView[],
  recent,
  placed: places,
});
