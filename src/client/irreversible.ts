/** What a fork would do again that cannot be taken back. */
import type { ForkPoint } from "../../machines/run-data.ts";
import { itemOf } from "../domain/plan.ts";
import type { RunState } from "../domain/state.ts";
import type { Engine } from "../engine/engine.ts";
import { forkPointOf, inheritedEvents } from "../engine/history.ts";
import { openFrame } from "../events/frame.ts";
import type { MillraceEvent } from "../events/vocabulary.ts";
import { MillraceError } from "../kernel/errors.ts";
import { invalidOption } from "./options.ts";

/**
 * @param origin the run to branch off, as it was at that point
 * @throws MillraceError `E_IRREVERSIBLE` when such steps had begun behind the point, or are to be done anew;
 * `E_OPTION_INVALID` when `allowIrreversible` is neither true nor false
 */
export async function refuseIrreversible(
  engine: Engine,
  origin: RunState,
  point: ForkPoint,
  options: {
    readonly allowIrreversible?: boolean;
    readonly results?: Readonly<Record<string, unknown>>;
  },
): Promise<void> {
  const { allowIrreversible = false, results = {} } = options;
  if (typeof allowIrreversible !== "boolean") {
    throw invalidOption("allowIrreversible", "must be true or false itself");
  }
  if (allowIrreversible) return;
  const begun = await begunAgain(engine, origin, point);
  const steps = begun.filter((step) => !Object.hasOwn(results, step));
  if (steps.length === 0) return;
  throw new MillraceError(
    "E_IRREVERSIBLE",
    `the fork would do ${steps.join(", ")} again, which cannot be taken back; branch off behind it, give its result, or allow it (allowIrreversible: true)`,
    { details: { run: point.run, steps } },
  );
}

/** Irreversible steps that had begun and that the fork does not inherit as done. */
async function begunAgain(
  engine: Engine,
  { graph }: RunState,
  { run, seq, reset = [] }: ForkPoint,
): Promise<string[]> {
  const declared = new Set<string>();
  const found = new Set<string>();
  const look = (event: MillraceEvent, isInherited: boolean): void => {
    if (event.type === "step.scheduled" && event.irreversible) declared.add(event.step);
    if (event.type !== "step.started") return;
    const step = itemOf(event.step)?.step ?? event.step;
    const final = declared.has(step) || graph?.steps.get(step)?.policy.irreversible === true;
    if (final && (!isInherited || reset.includes(step))) found.add(step);
  };
  for await (const { bytes } of engine.store.log.read({ run })) {
    const { frame } = openFrame(run, bytes, engine.codecs);
    for await (const { event } of inheritedEvents(engine, forkPointOf(frame))) look(event, true);
    for (const [index, event] of frame.events.entries()) look(event, frame.seq + index <= seq);
  }
  return [...found];
}
