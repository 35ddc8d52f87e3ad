/** All that can be told of a run at one of its moments: itself, its steps, and what it had handed out. */
import { freeze } from "immer";
import type { OpenTimer, OpenWait, Signal } from "../../../machines/run-data.ts";
import type { Moment } from "../../engine/reading/moment.ts";
import type { MillraceEvent } from "../../events/vocabulary.ts";
import type { CheckpointEntry } from "../../projections/checkpoints.ts";
import type { OutputEntry } from "../../projections/outputs.ts";
import { type RunView, runView, type StepView, stepView, stepViews } from "./run-view.ts";

/** A run at one of its moments. Frozen. */
export interface StateView extends RunView {
  /** Set, and not fired by then. */
  readonly timers: readonly (OpenTimer & { readonly timer: string })[];
  /** Waits for signals that had not ended. */
  readonly waits: readonly (OpenWait & { readonly wait: string })[];
  /** Signals that it had taken, in their order. */
  readonly signals: readonly Signal[];
  /** Without their states, which `stores.checkpoints` loads. */
  readonly checkpoints: readonly CheckpointEntry[];
  /** Large contents are left out (`kept` is null); `stores.outputs` reads them. */
  readonly outputs: readonly OutputEntry[];
}

/** The moment as people look at it. */
export const stateView = (moment: Moment): StateView =>
  viewWith(moment, stepViews(moment.state), undefined);

/** @param last an earlier view of the run: lists that are the same are taken from it */
function viewWith(
  { state, handedOut, ...count }: Moment,
  steps: readonly StepView[],
  last: StateView | undefined,
): StateView {
  const { timers, waits, signals } = state.run.context;
  const { checkpoints, outputs } = handedOut;
  const view = {
    ...runView(state, steps),
    timers: Object.entries(timers).map(([timer, open]) => ({ timer, ...open })),
    waits: Object.entries(waits).map(([wait, open]) => ({ wait, ...open })),
    signals: sameOr(last?.signals, signals, signals.length),
    checkpoints: sameOr(last?.checkpoints, checkpoints, count.checkpoints),
    outputs: sameOr(last?.outputs, outputs, count.outputs),
  };
  return freeze(view, true);
}

/** The first `count` entries of the list, as a list of its own. */
function sameOr<T>(
  last: readonly T[] | undefined,
  list: readonly T[],
  count: number,
): readonly T[] {
  const same = last?.length === count && last.every((entry, at) => entry === list[at]);
  return same ? last : list.slice(0, count);
}

/**
 * Views of a run that moves on: what did not change from one to the next is the same object in both, so
 * a look at every event of a long run does not make all of its steps anew each time.
 */
export class MovingView {
  #last: StateView | undefined;
  /** Where in its steps each one is. */
  #places = new Map<string, number>();
  readonly #changed = new Set<string>();
  #moved = true;

  /** Is told of every event that was folded. */
  take(event: MillraceEvent): void {
    this.#moved = true;
    if ("step" in event && event.step !== undefined) this.#changed.add(event.step);
    else if (PLANS.has(event.type)) this.#places.clear();
  }

  view(moment: Moment): StateView {
    if (this.#moved || this.#last === undefined) {
      this.#last = viewWith(moment, this.#steps(moment), this.#last);
      this.#changed.clear();
      this.#moved = false;
    }
    return this.#last;
  }

  #steps({ state }: Moment): readonly StepView[] {
    const known = this.#last?.steps ?? [];
    const changed = [...this.#changed];
    if (this.#places.size === 0 || changed.some((step) => !this.#places.has(step))) {
      const all = stepViews(state);
      this.#places = new Map(all.map(({ step }, at) => [step, at]));
      return all;
    }
    if (changed.length === 0) return known;
    const steps = [...known];
    for (const step of changed) {
      steps[this.#places.get(step) ?? 0] = stepView(state, step);
    }
    return Object.freeze(steps);
  }
}

/** Events by which a run gets its plan, and with it steps. */
const PLANS: ReadonlySet<string> = new Set(["run.created", "run.planned", "run.migrated"]);
