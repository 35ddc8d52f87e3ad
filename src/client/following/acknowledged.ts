/**
 * How far the reader of a subscription came: in each partition the event that was dealt with last. With one
 * partition that is one place.
 *
 * Of several partitions an event says only how far its reader was in its own. What had come of the others
 * by then is remembered with the event itself, as long as somebody holds it; an event that was not handed
 * out here acknowledges what lies before it in its partition, and the rest comes again.
 */
import type { RecordedEvent } from "../../events/vocabulary.ts";
import { type Cursor, cursorIn, isOf, moved, startOf } from "../../ports/cursor.ts";
import type { SavedView } from "../../ports/view-store.ts";
import { behind, type EventPlace, type StartPlace } from "./place.ts";

/** A place in one partition. */
interface Place {
  readonly position: number;
  /** Absent: behind the whole frame. */
  readonly seq?: number;
}

/** By partition; undefined: nothing was acknowledged there. */
export type Places = readonly (Place | undefined)[];

/** What a subscription knows of its reader. */
export class Acknowledged {
  readonly #partitions: number;
  readonly #before = new WeakMap<object, Cursor>();
  /** The event handed out last, by partition. */
  #given: (RecordedEvent | undefined)[] = [];
  /** Where a reader begins that has acknowledged nothing. */
  #base: Cursor;
  places: Places;

  constructor(partitions: number) {
    this.#partitions = partitions;
    this.#base = startOf(partitions);
    this.places = Array.from({ length: partitions }, () => undefined);
  }

  /** Remembers with an event how far the reader was when it came. */
  give(event: RecordedEvent, before: Cursor): void {
    this.#given[event.position % this.#partitions] = event;
    if (this.#partitions > 1) this.#before.set(event, before);
  }

  /** Whether something was handed out that is not acknowledged. */
  get owes(): boolean {
    return isBefore(this.places, this.#given);
  }

  /** A new reader begins: what the one before it was given is not waited for. */
  begin(after: Cursor): void {
    this.#given = [];
    this.#base = cursorIn(this.#partitions, after);
  }

  /**
   * What is dealt with when this is.
   * @throws MillraceError `E_OPTION_INVALID`
   */
  upTo(event: EventPlace): Places {
    behind(event);
    const { position, seq } = event;
    if (typeof position !== "number") return placesOf(position);
    const own = { position, ...(seq === undefined ? {} : { seq }) };
    const known = this.#before.get(event) ?? this.#base;
    return placesOf(known).with(position % this.#partitions, own);
  }

  /** Moves on; never back. */
  reach(places: Places): void {
    this.places = this.places.map((place, partition) => {
      const other = places[partition];
      return other !== undefined && isPlaceBefore(place, other) ? other : place;
    });
  }

  /** As it is saved: the furthest frames, and how far in each. */
  saved(): SavedView {
    const positions = this.places.map((place) => place?.position ?? 0);
    const seqs = this.places.map((place) => place?.seq ?? "").join(".");
    const [only = 0] = positions;
    return { position: this.#partitions === 1 ? only : positions, bytes: Buffer.from(seqs) };
  }

  /** Undefined when it was saved of a log that was divided otherwise. */
  restored({ position, bytes }: SavedView): Places | undefined {
    if (!isOf(this.#partitions, position)) return undefined;
    const seqs = Buffer.from(bytes).toString("latin1").split(".").map(Number);
    return placesOf(position).map((place, partition) => {
      const seq = seqs[partition] ?? 0;
      return seq > 0 ? { ...place, seq } : place;
    });
  }

  /** Right behind all that was acknowledged. */
  behind(): StartPlace {
    const begins = this.places.map((place) => behind(place ?? { position: 0 }));
    let after = startOf(this.#partitions);
    for (const [partition, { after: one }] of begins.entries()) {
      after = moved(after, partition, one as number);
    }
    return {
      after,
      begins: (event) => begins[event.position % this.#partitions]?.begins(event) ?? true,
    };
  }
}

/** Behind whole frames. */
const placesOf = (cursor: Cursor): readonly Place[] =>
  (typeof cursor === "number" ? [cursor] : cursor).map((position) => ({ position }));

/** Whether others are further somewhere. */
export const isBefore = (places: Places, others: Places): boolean =>
  others.some((other, partition) => other !== undefined && isPlaceBefore(places[partition], other));

function isPlaceBefore(place: Place | undefined, other: Place): boolean {
  if (place === undefined || place.position !== other.position) {
    return (place?.position ?? -1) < other.position;
  }
  return (place.seq ?? Number.POSITIVE_INFINITY) < (other.seq ?? Number.POSITIVE_INFINITY);
}
