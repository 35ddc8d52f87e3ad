/** Copies of runs at some of their moments, in memory: within bounds, the runs used last. */
import { copyMoment, type Moment, type When } from "./moment.ts";

/** How much is kept. */
export interface KeptBounds {
  /** Events from one copy to the next; twice as many whenever a run would have too many copies. */
  readonly spacing: number;
  readonly copies: number;
  /** Roughly so much is held for all runs together. */
  readonly bytes: number;
}

const BOUNDS: KeptBounds = { spacing: 1_000, copies: 64, bytes: 128 * 1024 * 1024 };
/** What a step takes in each copy of its run (an entry of a map), and a byte of a frame as a value. */
const STEP_BYTES = 64;
const VALUE_SHARE = 2;

interface KeptRun {
  /** In their order. */
  readonly copies: readonly Moment[];
  readonly spacing: number;
  /** The farthest it was folded to. */
  readonly tip: Moment;
  readonly bytes: number;
}

/** See `Moments`. */
export class KeptMoments {
  readonly #bounds: KeptBounds;
  /** The longest unused first. */
  readonly #runs = new Map<string, KeptRun>();
  #bytes = 0;

  constructor(bounds = BOUNDS) {
    this.#bounds = bounds;
  }

  /** The last copy that is not past the moment. */
  best(run: string, when: When): Moment | undefined {
    const kept = this.#runs.get(run);
    if (kept === undefined) return undefined;
    this.#runs.delete(run);
    this.#runs.set(run, kept);
    const fits = (moment: Moment): boolean =>
      when === "now" ||
      ("seq" in when ? moment.state.cursor.seq <= when.seq : moment.latest <= when.time);
    return fits(kept.tip) ? kept.tip : kept.copies.findLast(fits);
  }

  /** Copies a moment that somebody goes on from, if the last copy is far enough behind. */
  pass(moment: Moment): void {
    const kept = this.#runs.get(moment.state.id);
    const { seq } = moment.state.cursor;
    const last = kept?.copies.at(-1)?.state.cursor.seq ?? 0;
    const spacing = kept?.spacing ?? this.#bounds.spacing;
    if (seq - last < spacing) return;
    const copy = copyMoment(moment);
    const copies = [...(kept?.copies ?? []), copy];
    const tip = kept === undefined ? copy : farther(kept.tip, copy);
    if (copies.length <= this.#bounds.copies) this.#put({ copies, spacing, tip });
    else this.#put({ copies: copies.filter((_, nth) => nth % 2 === 1), spacing: 2 * spacing, tip });
  }

  /** Keeps a moment that nobody changes any more, if it is the farthest. */
  reach(moment: Moment): void {
    const kept = this.#runs.get(moment.state.id);
    const { spacing } = this.#bounds;
    if (kept === undefined) this.#put({ copies: [], spacing, tip: moment });
    else this.#put({ ...kept, tip: farther(kept.tip, moment) });
  }

  forget(run: string): void {
    this.#bytes -= this.#runs.get(run)?.bytes ?? 0;
    this.#runs.delete(run);
  }

  #put({ copies, spacing, tip }: Omit<KeptRun, "bytes">): void {
    const { id } = tip.state;
    this.forget(id);
    const steps = copies.reduce((sum, { state }) => sum + state.steps.size, tip.state.steps.size);
    const bytes = VALUE_SHARE * tip.bytes + STEP_BYTES * steps;
    this.#runs.set(id, { copies, spacing, tip, bytes });
    this.#bytes += bytes;
    for (const [oldest] of this.#runs) {
      if (this.#bytes <= this.#bounds.bytes) return;
      this.forget(oldest);
    }
  }
}

const farther = (one: Moment, other: Moment): Moment =>
  other.state.cursor.seq > one.state.cursor.seq ? other : one;
