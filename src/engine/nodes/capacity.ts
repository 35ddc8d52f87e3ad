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
  /** What it was called for, and has not said what it does with: nobody else is called for that. */
  called: Resources | undefined;
}

/** Amounts that are taken and given back, and who waits for them. */
export class Capacity {
  #total: Resources;
  #taken: Resources = NOTHING;
  #free: Resources;
  /** In the order in which they came. */
  readonly #line = new Map<() => void, Waiting>();
  /** What those want who were not called, each with how many want it. */
  readonly #wanted = new Map<Resources, number>();
  /** What those were called for who have not said what they do with it. */
  #promised: Resources = NOTHING;
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
    this.forget(whenFree);
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
    if (this.#line.get(whenFree)?.called !== undefined) this.forget(whenFree);
    this.nudge();
  }

  /** Calls those in line that there is enough for beside what others were called for. */
  nudge(): void {
    while (this.#within === 0 && this.#wanted.size > 0) {
      const left = remaining(this.#free, this.#promised);
      // Hundreds may ask for the very same: what there is too little for once, there is for the others too.
      const enough = [...this.#wanted.keys()].filter((request) => fits(request, left));
      if (enough.length === 0 || !this.#call(enough)) return;
    }
  }

  /** It does not wait any more. */
  forget(whenFree: () => void): void {
    const waiting = this.#line.get(whenFree);
    if (waiting === undefined) return;
    this.#uncount(waiting);
    this.#line.delete(whenFree);
  }

  /** Calls the first in line that wants one of these and would get it: whoever is refused asks again and again. */
  #call(enough: readonly Resources[]): boolean {
    for (const [whenFree, waiting] of this.#line) {
      if (waiting.called !== undefined) continue;
      const request = enough.find(
        (one) => waiting.requests.includes(one) && this.#mayTake(one, whenFree),
      );
      if (request === undefined) continue;
      this.#uncount(waiting);
      waiting.called = request;
      this.#promised = add(this.#promised, request);
      whenFree();
      return true;
    }
    return false;
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
    const waiting = known ?? { requests: [], overtaken: 0, called: undefined };
    // Whoever was called and asks again says anew what it wants.
    const requests = waiting.called === undefined ? waiting.requests : [];
    this.#uncount(waiting);
    // Those of one plan are the very same object.
    waiting.requests = requests.includes(request) ? requests : [...requests, request];
    waiting.called = undefined;
    for (const one of waiting.requests) this.#wanted.set(one, (this.#wanted.get(one) ?? 0) + 1);
    this.#line.set(whenFree, waiting);
  }

  /** What it wants, or was called for, does not count. */
  #uncount({ requests, called }: Waiting): void {
    if (called !== undefined) this.#promised = subtract(this.#promised, called);
    else
      for (const one of requests) {
        const others = (this.#wanted.get(one) ?? 0) - 1;
        if (others > 0) this.#wanted.set(one, others);
        else this.#wanted.delete(one);
      }
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
