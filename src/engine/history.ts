/** From the log to a run's state. */

import { evolve, evolveFrame } from "../domain/evolve.ts";
import { emptyRun, type RunState } from "../domain/state.ts";
import { openFrame } from "../events/frame.ts";
import type { StoredFrame } from "../ports/event-log.ts";
import type { Engine } from "./engine.ts";

/** Folds one stored frame. @throws MillraceError `E_FRAME_INVALID`, `E_LOG_CORRUPT` */
export function foldStored(engine: Engine, state: RunState, stored: StoredFrame): void {
  evolveFrame(state, openFrame(state.id, stored.bytes, engine.codecs), stored.position);
}

/** The run as it was right after event `seq`; as it is now when it has fewer events. */
export async function loadRunAt(engine: Engine, run: string, seq: number): Promise<RunState> {
  const state = emptyRun(run);
  for await (const stored of engine.store.log.read({ run })) {
    const opened = openFrame(run, stored.bytes, engine.codecs);
    const { frame } = opened;
    const wanted = frame.events.slice(0, Math.max(0, seq - frame.seq + 1));
    if (wanted.length === frame.events.length) evolveFrame(state, opened, stored.position);
    else {
      for (const event of wanted) evolve(state, event);
      break;
    }
  }
  return state;
}

/**
 * The run as the log has it now; its cursor is at 0 when there is no such run.
 * @param workflow its workflow, when the caller knows it: the read is cheaper then
 */
export async function loadRun(engine: Engine, run: string, workflow?: string): Promise<RunState> {
  const state = emptyRun(run);
  const scope = workflow === undefined ? { run } : { run, workflow };
  for await (const stored of engine.store.log.read(scope)) foldStored(engine, state, stored);
  return state;
}
