/**
 * The state beside a replay. Views are made when somebody looks: of the moment at which the replay is,
 * from the state itself; of an earlier one, by folding the few events since the last copy once more.
 */
import { copyMoment, foldEvent, type Moment } from "../../engine/reading/moment.ts";
import type { MillraceEvent, RecordedEvent } from "../../events/vocabulary.ts";
import { MovingView, type StateView, stateView } from "../looking/state-view.ts";

/** An event, and the run before and after it. */
export interface ReplayedEvent {
  readonly event: RecordedEvent;
  /** Null before the first event. */
  readonly before: StateView | null;
  readonly after: StateView;
}

/** Events between two copies of the state; more when a copy, which is linear in the steps, costs more. */
const STRETCH_EVENTS = 256;
const STEPS_PER_EVENT = 8;

/**
 * An event as it is shown, and as it was recorded: of the two only that one is folded, because what readers
 * get of an event has the fields of its place in it.
 */
export interface Recorded {
  readonly event: RecordedEvent;
  readonly recorded: MillraceEvent;
}

/** The run at some event, and what happened then. */
interface Stretch {
  readonly base: Moment;
  readonly events: Recorded[];
}

/** One replay. */
export class Playback {
  readonly #moment: Moment;
  readonly #moving = new MovingView();
  #stretch: Stretch;
  #pending: Recorded | undefined;

  /** @param moment becomes the playback's own, and moves */
  constructor(moment: Moment) {
    this.#moment = moment;
    this.#stretch = { base: copyMoment(moment), events: [] };
  }

  /** Of the last event that it has moved past. */
  get seq(): number {
    return this.#moment.state.cursor.seq;
  }

  /** Moves past an event that nobody is shown. */
  skip(next: Recorded): void {
    this.show(next);
    this.#settle();
  }

  /** Shows the next event: the state moves on when somebody looks at what it became, or at the next event. */
  show(next: Recorded): ReplayedEvent {
    this.#settle();
    const { steps } = this.#moment.state;
    if (this.#stretch.events.length >= Math.max(STRETCH_EVENTS, steps.size / STEPS_PER_EVENT)) {
      this.#stretch = { base: copyMoment(this.#moment), events: [] };
    }
    this.#stretch.events.push(next);
    this.#pending = next;
    return new Shown(this, this.#stretch, next.event);
  }

  /** The run right after its first `seq` events, which lie in the stretch. */
  viewAt(seq: number, stretch: Stretch): StateView {
    if (this.#pending?.event.seq === seq) this.#settle();
    if (this.#moment.state.cursor.seq === seq) return this.#moving.view(this.#moment);
    const moment = copyMoment(stretch.base);
    for (const { event, recorded } of stretch.events) {
      if (event.seq <= seq) foldEvent(moment, recorded, event.position);
    }
    return stateView(moment);
  }

  #settle(): void {
    const pending = this.#pending;
    if (pending === undefined) return;
    this.#pending = undefined;
    foldEvent(this.#moment, pending.recorded, pending.event.position);
    this.#moving.take(pending.recorded);
  }
}

class Shown implements ReplayedEvent {
  readonly event: RecordedEvent;
  readonly #playback: Playback;
  readonly #stretch: Stretch;

  constructor(playback: Playback, stretch: Stretch, event: RecordedEvent) {
    this.#playback = playback;
    this.#stretch = stretch;
    this.event = event;
  }

  get before(): StateView | null {
    const seq = this.event.seq - 1;
    return seq === 0 ? null : this.#playback.viewAt(seq, this.#stretch);
  }

  get after(): StateView {
    return this.#playback.viewAt(this.event.seq, this.#stretch);
  }
}
