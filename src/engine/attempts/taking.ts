/** What an attempt has taken of its node: until its end is recorded, or is known never to be. */
import { NOTHING, type Resources } from "../../cluster/resources.ts";
import type { Capacity } from "../nodes/capacity.ts";

export class Taking {
  readonly #capacity: Capacity;
  #takes: Resources;

  constructor(capacity: Capacity, takes: Resources) {
    this.#capacity = capacity;
    this.#takes = takes;
  }

  /** How much; nothing once it was given back. */
  get takes(): Resources {
    return this.#takes;
  }

  /** Gives it back, once. */
  release(): void {
    const takes = this.#takes;
    this.#takes = NOTHING;
    this.#capacity.release(takes);
  }

  /** Somebody else gives it back. */
  passOn(): void {
    this.#takes = NOTHING;
  }
}
