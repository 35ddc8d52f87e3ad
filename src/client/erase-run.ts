/**
 * Erasing a run for good, as a request for deletion asks for. What stays is a proof that it was done, in
 * which nothing stands of what the run held.
 */
import type { Engine } from "../engine/engine.ts";
import { MillraceError } from "../kernel/errors.ts";
import { checkId } from "../kernel/ids.ts";
import { limits } from "../kernel/limits.ts";
import type { CheckpointStore } from "../stores/checkpoint-store.ts";
import { existingRun } from "./existing-run.ts";
import { callOptions, textOption } from "./options.ts";

/** The run in whose log the proofs stand. */
export const ERASURES = "millrace-erasures";

/** What is recorded with an erasure. */
export interface EraseOptions {
  /** @default "asked to" */
  readonly reason?: string;
  /** Who asks. @default the id of this process */
  readonly by?: string;
}

/** The proof that a run was erased. */
export interface Erasure {
  readonly run: string;
  readonly workflow: string;
  /** How many events it had, and the sum of its last frame: what it was, to whoever has a copy. */
  readonly events: number;
  readonly sum: string;
  /** ms since the epoch. */
  readonly at: number;
  readonly by: string;
  readonly reason: string;
}

/** See `History.erase`. */
export async function eraseRun(
  engine: Engine,
  checkpoints: CheckpointStore,
  run: string,
  options: EraseOptions,
): Promise<Erasure> {
  const given = callOptions("erase()", options, ["reason", "by"]);
  const reason = textOption("reason", given.reason ?? "asked to", limits.errorMessageCharsMax);
  const by = textOption("by", given.by ?? engine.node, limits.errorMessageCharsMax);
  if (checkId("run id", run) === ERASURES) {
    throw new MillraceError("E_COMMAND_REFUSED", "the proofs of what was erased are not erased");
  }
  const { cursor, run: actor } = await existingRun(engine, run);
  const { workflow } = actor.context;
  // First of all: nothing is erased where the proof could not be kept.
  await checkpoints.createRun(ERASURES, ERASURES);
  await checkpoints.deleteRun(run);
  const at = engine.world.clock.now();
  const proof: Erasure = { run, workflow, events: cursor.seq, sum: cursor.sum, at, by, reason };
  await checkpoints.appendEvent(ERASURES, { type: "run-erased", payload: proof });
  return proof;
}

/** See `History.erasures`. */
export async function erasuresOf(
  checkpoints: CheckpointStore,
  since: number,
): Promise<readonly Erasure[]> {
  if ((await checkpoints.getRun(ERASURES)) === undefined) return [];
  const events = await checkpoints.getEvents(ERASURES, since);
  return events.map(({ payload }) => payload as unknown as Erasure);
}
