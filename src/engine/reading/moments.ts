/**
 * Runs as they were. A moment is folded from the log; copies of what is passed on the way stay in memory,
 * so that another moment of the same run costs a short stretch of its log. A copy is never believed: the
 * frame that it ends with is read again and must have the same sum, and the frames after it must follow.
 */
import { openFrame } from "../../events/frame.ts";
import type { MillraceEvent } from "../../events/vocabulary.ts";
import { isMillraceError } from "../../kernel/errors.ts";
import type { Engine } from "../engine.ts";
import { type KeptBounds, KeptMoments } from "./kept-moments.ts";
import { beforeFirst, copyMoment, foldEvent, foldFrame, type Moment, type When } from "./moment.ts";

/** One per client. */
export class Moments {
  readonly engine: Engine;
  readonly #kept: KeptMoments;

  constructor(engine: Engine, bounds?: KeptBounds) {
    this.engine = engine;
    this.#kept = new KeptMoments(bounds);
  }

  /**
   * The run at that moment; as it is now when it has fewer events. Undefined when it did not exist. Others
   * hold it too: to be looked at only.
   * @throws MillraceError `E_FRAME_INVALID`, `E_LOG_CORRUPT`
   */
  async at(run: string, when: When): Promise<Moment | undefined> {
    const base = this.#kept.best(run, when);
    if (base === undefined) return this.#fold(run, when, undefined);
    try {
      const moment = await this.#fold(run, when, base);
      if (moment !== undefined) return moment;
    } catch (error) {
      // A run that was erased and begun anew does not follow what was kept of the old one.
      if (!isMillraceError(error, "E_LOG_CORRUPT")) throw error;
    }
    this.#kept.forget(run);
    return this.#fold(run, when, undefined);
  }

  /** Undefined when the run, or the frame that `base` ends with, is not there. */
  async #fold(run: string, when: When, base: Moment | undefined): Promise<Moment | undefined> {
    const { store, codecs } = this.engine;
    const after = base === undefined ? 0 : base.state.cursor.head - 1;
    let moment: Moment | undefined;
    for await (const { bytes, position } of store.log.read({ run, after })) {
      const opened = openFrame(run, bytes, codecs);
      const { frame, sum } = opened;
      if (base !== undefined && moment === undefined) {
        if (position !== base.state.cursor.head || sum !== base.state.cursor.sum) return undefined;
        moment = base;
        continue;
      }
      const wanted = countOf(frame.events, frame.seq, when);
      if (wanted === 0) break;
      if (moment === undefined || frame.seq === 1) {
        moment = await beforeFirst(this.engine, run, frame);
      } else if (moment === base) moment = copyMoment(base);
      if (wanted < frame.events.length) {
        for (const event of frame.events.slice(0, wanted)) foldEvent(moment, event, position);
        return moment;
      }
      foldFrame(moment, opened, position, bytes.length);
      if (when !== "now") this.#kept.pass(moment);
    }
    if (moment !== undefined) this.#kept.reach(moment);
    return moment;
  }
}

/** How many of a frame's events lie before the moment. */
function countOf(events: readonly MillraceEvent[], first: number, when: When): number {
  if (when === "now") return events.length;
  if ("seq" in when) return Math.min(events.length, Math.max(0, when.seq - first + 1));
  const later = events.findIndex(({ at }) => at > when.time);
  return later < 0 ? events.length : later;
}
