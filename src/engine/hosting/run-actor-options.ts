/** What makes a run hosted: given by the process that claimed it. */
import type { RunState } from "../../domain/state.ts";
import type { Claim } from "../../ports/work-queue.ts";
import type { Workflow } from "../../workflow/definition.ts";
import type { Engine } from "../engine.ts";
import type { Cluster } from "../nodes/cluster.ts";
import type { Surroundings } from "./last-duties.ts";

/** What a hosted run is made of, and whom it tells. */
export interface RunActorOptions {
  readonly engine: Engine;
  readonly workflow: Workflow;
  readonly cluster: Cluster;
  readonly claim: Claim;
  readonly state: RunState;
  readonly surroundings: Surroundings;
  /** The run was held back and may begin now. */
  readonly admitted: boolean;
  /** Waits longer than this park the run (ms). */
  readonly parkAfterMs: number;
  /** Called with what is still done for the run after it was let go of. */
  onLeave(work: Promise<void>): void;
  /** Called once, when the actor holds nothing any more. */
  onOver(): void;
  /** Called after that, when the run turned out not to be as `state` says before it was claimed. */
  onOutdated(): void;
  /** Called after `onOver`, when the run cannot be gone on with here. */
  onFault(error: unknown): void;
}
