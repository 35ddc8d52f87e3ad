/** Where to branch off a run so that something in it can be otherwise: found in its events. */
import type { ForkPoint } from "../../../machines/run-data.ts";
import type { Engine } from "../../engine/engine.ts";
import { forkPointOf, inheritedEvents } from "../../engine/reading/history.ts";
import { openFrame } from "../../events/frame.ts";
import { type MillraceEvent, RUN_ENDS } from "../../events/vocabulary.ts";

/** Right before the first of these steps completed. */
export const completionOf = (
  engine: Engine,
  run: string,
  steps: readonly string[],
): Promise<ForkPoint | undefined> =>
  before(engine, run, (event) => event.type === "step.completed" && steps.includes(event.step));

/** Right before the run took its first signal of this name. */
export const receiptOf = (
  engine: Engine,
  run: string,
  name: string,
): Promise<ForkPoint | undefined> =>
  before(engine, run, (event) => event.type === "signal.received" && event.name === name);

/** Right before the code of the run asked for the step. */
export const requestOf = (
  engine: Engine,
  run: string,
  step: string,
): Promise<ForkPoint | undefined> =>
  before(engine, run, (event) => ASKING.has(event.type) && "step" in event && event.step === step);

/** A child run is asked for at once; other steps are scheduled first. */
const ASKING: ReadonlySet<string> = new Set(["step.scheduled", "child.requested"]);

/** Right before the run began to end; undefined as long as it has not. */
export const endingOf = (engine: Engine, run: string): Promise<ForkPoint | undefined> =>
  before(engine, run, ({ type }) => RUN_ENDS.has(type) || ENDING.has(type), "own");

const ENDING: ReadonlySet<string> = new Set(["run.cancelling", "run.compensating"]);

/**
 * The place before the first event that is wanted, in the run or in what it has inherited.
 * @param scope "own": only among the run's own events
 */
async function before(
  engine: Engine,
  run: string,
  wanted: (event: MillraceEvent) => boolean,
  scope: "own" | "all" = "all",
): Promise<ForkPoint | undefined> {
  for await (const { bytes } of engine.store.log.read({ run })) {
    const { frame } = openFrame(run, bytes, engine.codecs);
    const fork = scope === "all" ? forkPointOf(frame) : undefined;
    for await (const older of inheritedEvents(engine, fork)) {
      if (wanted(older.event)) return { run: older.run, seq: older.seq - 1 };
    }
    const at = frame.events.findIndex(wanted);
    if (at >= 0) return { run, seq: frame.seq + at - 1 };
  }
  return undefined;
}
