/** The state of a run that must exist. */
import type { RunState } from "../domain/state.ts";
import type { Engine } from "../engine/engine.ts";
import { loadRunAt } from "../engine/reading/history.ts";
import { MillraceError } from "../kernel/errors.ts";
import { checkId } from "../kernel/ids.ts";
import { wholeOption } from "./options.ts";

/**
 * The run as it was right after event `seq`; by default as it is now.
 * @throws MillraceError `E_RUN_NOT_FOUND`, `E_ID_INVALID`, `E_OPTION_INVALID`
 */
export async function existingRun(
  engine: Engine,
  run: string,
  seq = Number.MAX_SAFE_INTEGER,
): Promise<RunState> {
  wholeOption("seq", seq, 1);
  const state = await loadRunAt(engine, checkId("run id", run), seq);
  if (state.cursor.seq > 0) return state;
  throw new MillraceError(
    "E_RUN_NOT_FOUND",
    `there is no run ${run} in this namespace; \`millrace runs\` lists those that exist`,
    { details: { run } },
  );
}
