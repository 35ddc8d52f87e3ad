/**
 * Erasing a run for good, as a request for deletion asks for. What stays is a proof that it was done, in
 * which nothing stands of what the run held.
 */
import type { Engine } from "../../engine/engine.ts";
import { checkId } from "../../kernel/ids.ts";
import { limits } from "../../kernel/limits.ts";
import type { Eraser } from "../../stores/eraser.ts";
import type { Erasure } from "../../stores/erasures.ts";
import { callOptions, textOption } from "../options.ts";

/** What is recorded with an erasure. */
export interface EraseOptions {
  /** @default "asked to" */
  readonly reason?: string;
  /** Who asks. @default the id of this process */
  readonly by?: string;
}

/** See `History.erase`. */
export async function eraseRun(
  engine: Engine,
  eraser: Eraser,
  run: string,
  options: EraseOptions,
): Promise<Erasure> {
  const given = callOptions("erase()", options, ["reason", "by"]);
  const reason = textOption("reason", given.reason ?? "asked to", limits.errorMessageCharsMax);
  const by = textOption("by", given.by ?? engine.node, limits.errorMessageCharsMax);
  return eraser.erase(checkId("run id", run), { by, reason });
}
