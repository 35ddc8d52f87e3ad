/**
 * What this node has, and what of it is free: the one place where anything is taken, for steps of runs
 * hosted here and for steps that others send. Taking is one act, for all amounts together, so nothing ever
 * goes over; whoever finds too little is called, first come first served among those it would be enough for.
 *
 * A large request must not wait for ever while small ones pass it by: once so many have taken what it
 * lacks, nobody else gets any of that before it.
 */
import {
  add,
  amountOf,
  fits,
  NOTHING,
  type Resources,
  shortage,
  subtract,
} from "../cluster/resources.ts";

/** What a step takes that says nothing about resources: one slot. */
export const ONE_SLOT: Resources = Object.freeze({ steps: 1 });

/** So many may overtake the first in line. */
const OVERTAKEN_MAX = 64;

/** Somebody who is called when there may be enough for one of its requests. */
interface Waiting {
  readonly requests: Resources[];
  overtaken: number;
}

/** Amounts that are taken and given back, and who waits for them. */
export class Capacity {
  #total: Resources;
  #taken: Resources = NOTHING;
  #free: Resources;
  readonly #line = new Map<() => void, Waiting>();
  /** Called whenever something was taken or given back. */
  onChange: () => void = () => undefined;

  constructor(total: Resources) {
    this.#total = total;
    this.#free = total;
  }

  /** All that this node has. */
  get total(): Resources {
    return this.#total;
  }

  /** What nobody has taken. */
  get free(): Resources {
    return this.#free;
  }

  /** From now on this node has so much; what is taken beyond that stays taken until it is given back. */
  resize(total: Resources): void {
    this.#total = total;
    this.#change(this.#taken);
    this.nudge();
  }

  /** True if all of it was taken. If not, `whenFree` is called once when it is worth asking again. */
  take(request: Resources, whenFree: () => void): boolean {
    const [first, waiting] = this.#line.entries().next().value ?? [];
    const overtakes = waiting && first !== whenFree && this.#lacks(waiting, request);
    if (!fits(request, this.#free) || (overtakes && waiting.overtaken >= OVERTAKEN_MAX)) {
      this.#enqueue(request, whenFree);
      return false;
    }
    if (overtakes) waiting.overtaken++;
    this.#change(add(this.#taken, request));
    return true;
  }

  /** Gives back what was taken. */
  release(request: Resources): void {
    this.#change(subtract(this.#taken, request));
    this.nudge();
  }

  /** Calls the next one in line that there is enough for: also for who was called and had no use for it. */
  nudge(): void {
    const free = this.#free;
    for (const [whenFree, { requests }] of this.#line) {
      if (!requests.some((request) => fits(request, free))) continue;
      this.#line.delete(whenFree);
      whenFree();
      return;
    }
  }

  /** It does not wait any more. */
  forget(whenFree: () => void): void {
    this.#line.delete(whenFree);
  }

  #change(taken: Resources): void {
    this.#taken = taken;
    this.#free = remaining(this.#total, taken);
    this.onChange();
  }

  /** Whether the request would take something that is short for all that is waited for. */
  #lacks({ requests }: Waiting, request: Resources): boolean {
    const possible = requests.filter((wanted) => fits(wanted, this.#total));
    return (
      possible.length > 0 &&
      possible.every((wanted) =>
        Object.keys(shortage(wanted, this.#free)).some((name) => amountOf(request, name) > 0),
      )
    );
  }

  #enqueue(request: Resources, whenFree: () => void): void {
    const waiting = this.#line.get(whenFree) ?? { requests: [], overtaken: 0 };
    // Those of one plan are the very same object.
    if (!waiting.requests.includes(request)) waiting.requests.push(request);
    this.#line.set(whenFree, waiting);
  }
}

/** Of a node that was made smaller there may be less than nothing: that is nothing. */
function remaining(total: Resources, taken: Resources): Resources {
  if (fits(taken, total)) return subtract(total, taken);
  const names = Object.keys(total);
  return Object.fromEntries(
    names.map((name) => [name, Math.max(0, amountOf(total, name) - amountOf(taken, name))]),
  );
}
