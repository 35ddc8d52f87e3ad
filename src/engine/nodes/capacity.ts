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
} from "../../cluster/resources.ts";

/** So many may overtake the first in line. */
const OVERTAKEN_MAX = 64;

/** Somebody who is called when there may be enough for one of its requests. */
interface Waiting {
  requests: Resources[];
  overtaken: number;
  /** It was called, and has not said what it does with it. */
  called: boolean;
}

/** Amounts that are taken and given back, and who waits for them. */
export class Capacity {
  #total: Resources;
  #taken: Resources = NOTHING;
  #free: Resources;
  /** In the order in which they came. */
  readonly #line = new Map<() => void, Waiting>();
  /** Called whenever something was taken or given back. */
  onChange: () => void = () => undefined;
  /** So many changes that count as one are under way, one within the other. */
  #within = 0;

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

  /**
   * True if all of it was taken; whoever wants more goes to the end of the line. If not, `whenFree` is
   * called once it is worth asking again, and keeps its place until it takes something or passes.
   */
  take(request: Resources, whenFree: () => void): boolean {
    if (!this.#mayTake(request, whenFree)) {
      this.#enqueue(request, whenFree);
      return false;
    }
    const overtaken = this.#overtakenBy(request, whenFree);
    if (overtaken !== undefined) overtaken.overtaken++;
    this.#line.delete(whenFree);
    this.#change(add(this.#taken, request));
    return true;
  }

  /** Gives back what was taken. */
  release(request: Resources): void {
    this.#change(subtract(this.#taken, request));
    this.nudge();
  }

  /** Takes what was given back a moment ago, before anybody else could. */
  takeBack(request: Resources): void {
    this.#change(add(this.#taken, request));
  }

  /** What `work` gives back and takes is one change: nobody is called, or told, before its end. */
  atOnce<T>(work: () => T): T {
    const before = this.#taken;
    this.#within++;
    try {
      return work();
    } finally {
      this.#within--;
      if (this.#taken !== before) this.onChange();
      this.nudge();
    }
  }

  /** If it was called, it has no use for what is free: the next one is called. */
  pass(whenFree: () => void): void {
    if (this.#line.get(whenFree)?.called) this.#line.delete(whenFree);
    this.nudge();
  }

  /** Calls the next one in line that there is enough for and that has not been called. */
  nudge(): void {
    if (this.#within > 0) return;
    // Hundreds may ask for the very same: what there is too little for once, there is for the others too.
    const refused = new Set<Resources>();
    for (const [whenFree, waiting] of this.#line) {
      if (waiting.called) continue;
      // Whoever would be refused must not be called: it would ask again and again.
      const isEnough = waiting.requests.some((request) => {
        if (refused.has(request)) return false;
        if (this.#mayTake(request, whenFree)) return true;
        refused.add(request);
        return false;
      });
      if (!isEnough) continue;
      waiting.called = true;
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
    if (this.#within === 0) this.onChange();
  }

  #mayTake(request: Resources, whenFree: () => void): boolean {
    if (!fits(request, this.#free)) return false;
    return (this.#overtakenBy(request, whenFree)?.overtaken ?? 0) < OVERTAKEN_MAX;
  }

  /** The first in line, if the request, which fits, would take something that it lacks then. */
  #overtakenBy(request: Resources, whenFree: () => void): Waiting | undefined {
    const [first, waiting] = this.#line.entries().next().value ?? [];
    if (waiting === undefined || first === whenFree) return undefined;
    const left = subtract(this.#free, request);
    const possible = waiting.requests.filter((wanted) => fits(wanted, this.#total));
    const lacks = (wanted: Resources): boolean =>
      Object.keys(shortage(wanted, left)).some((name) => amountOf(request, name) > 0);
    return possible.length > 0 && possible.every(lacks) ? waiting : undefined;
  }

  #enqueue(request: Resources, whenFree: () => void): void {
    const known = this.#line.get(whenFree);
    const waiting = known ?? { requests: [], overtaken: 0, called: false };
    // Whoever was called and asks again says anew what it wants.
    if (waiting.called) waiting.requests = [];
    waiting.called = false;
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
