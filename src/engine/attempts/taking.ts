/** What an attempt has taken of its node: until its end is recorded, or is known never to be. */
import { NOTHING, type Resources } from "../../cluster/resources.ts";
import type { Cluster } from "../nodes/cluster.ts";
import type { AttemptHere } from "../nodes/unrecorded.ts";

export class Taking {
  readonly #cluster: Cluster;
  readonly #of: AttemptHere;
  #takes: Resources;

  constructor(cluster: Cluster, of: AttemptHere, takes: Resources) {
    this.#cluster = cluster;
    this.#of = of;
    this.#takes = takes;
  }

  /** How much; nothing once it was given back. */
  get takes(): Resources {
    return this.#takes;
  }

  /** The log does not say any more that it runs: gives it back, once. */
  release(): void {
    this.#cluster.capacity.release(this.#passOn());
  }

  /** It does not run any more, and its end is for another host to record: only then it is given back. */
  abandon(): void {
    const takes = this.#passOn();
    if (takes !== NOTHING) this.#cluster.unrecorded.hold(this.#of, takes);
  }

  /** Somebody else gives it back. */
  passOn(): void {
    this.#passOn();
  }

  #passOn(): Resources {
    const takes = this.#takes;
    this.#takes = NOTHING;
    return takes;
  }
}
