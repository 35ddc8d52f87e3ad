/** The history of a run as the log has it, with what it is folded onto. */
import { emptyRun, type RunState } from "../domain/state.ts";
import type { Engine } from "../engine/engine.ts";
import { groundOf } from "../engine/reading/history.ts";
import { openFrame } from "../events/frame.ts";
import type { MillraceEvent } from "../events/vocabulary.ts";

/** What the log has of a run. */
export interface RunHistory {
  readonly events: readonly MillraceEvent[];
  /** What the first event is folded onto: a new one each time. */
  ground(): Promise<RunState>;
}

/** @throws MillraceError `E_FRAME_INVALID` when the log is damaged */
export async function runHistory(engine: Engine, run: string): Promise<RunHistory> {
  const events: MillraceEvent[] = [];
  let ground = async (): Promise<RunState> => emptyRun(run);
  for await (const { bytes } of engine.store.log.read({ run })) {
    const { frame } = openFrame(run, bytes, engine.codecs);
    if (frame.seq === 1) ground = () => groundOf(engine, run, frame);
    events.push(...frame.events);
  }
  return { events, ground };
}
