/**
 * Processes that come and go on one backend in virtual time, with faults in their logs: what random plans of
 * blows are carried out on.
 */
import fc from "fast-check";
import { MemoryBackend, memoryStore } from "../../../src/adapters/memory/store.ts";
import { openFrame } from "../../../src/events/frame.ts";
import { recordedEvents } from "../../../src/events/recorded.ts";
import { type Millrace, open, type RecordedEvent, type Workflow } from "../../../src/index.ts";
import { seededIds } from "../../../src/kernel/ids.ts";
import { silentLogger } from "../../../src/kernel/logger.ts";
import { type Random, seededRandom } from "../../../src/kernel/random.ts";
import type { Store } from "../../../src/ports/store.ts";
import { Process } from "../../../src/testing/simulation/process.ts";
import { VirtualTime } from "../../../src/testing/simulation/virtual-time.ts";
import { faultyAppends } from "./chaos.ts";

/** How their world is. `conflicts` and `failed`: percent of the appends of hosts. */
export interface HostsOptions {
  readonly seed: number;
  readonly conflicts: number;
  readonly failed: number;
  readonly leaseMs: number;
  readonly sweepEvery: string;
}

/** Random worlds: what `HostsOptions` leave to chance. */
export const chances = {
  seed: fc.nat(),
  conflicts: fc.integer({ min: 0, max: 30 }),
  failed: fc.integer({ min: 0, max: 10 }),
};

/** What befalls the processes, and when (ms after the beginning). */
export interface Blow<What> {
  readonly at: number;
  readonly what: What;
}

/** Up to six blows in the order of their times. @param more what else each has */
export const blowsWithin = <What, More>(
  lifeMs: number,
  what: readonly What[],
  more: { [Field in keyof More]: fc.Arbitrary<More[Field]> },
): fc.Arbitrary<readonly (Blow<What> & More)[]> =>
  fc
    .array(
      fc.record({
        at: fc.integer({ min: 0, max: lifeMs }),
        what: fc.constantFrom(...what),
        ...more,
      }) as fc.Arbitrary<Blow<What> & More>,
      { maxLength: 6 },
    )
    .map((blows) => blows.toSorted((one, other) => one.at - other.at));

/** A process that hosts runs. */
export interface OneHost {
  readonly process: Process;
  readonly millrace: Millrace;
  readonly store: Store;
}

/** How a process goes away. */
export type Loss = "die" | "vanish" | "close";

/** One backend, and the processes on it. */
export class Hosts {
  readonly time = new VirtualTime();
  readonly random: Random;
  /** Those that are there. */
  readonly all: OneHost[] = [];
  readonly #share = new MemoryBackend(this.time);
  readonly #options: HostsOptions;
  #calm = false;
  #nodes = 0;

  constructor(options: HostsOptions) {
    this.#options = options;
    this.random = seededRandom(options.seed);
  }

  /** A process without workers and without faults. */
  client(): Promise<Millrace> {
    return this.#open([], (store) => store);
  }

  async add(workflow: Workflow): Promise<void> {
    const process = new Process();
    let store: Store | undefined;
    const millrace = await this.#open([workflow], (real) => {
      store = real;
      return process.wrap(real);
    });
    if (store !== undefined) this.all.push({ process, millrace, store });
  }

  /** It stands still for up to four leases, and for `atLeastMs`. */
  freeze({ process }: OneHost, atLeastMs = 0): void {
    process.freeze();
    const forMs = atLeastMs + this.random.next() * 4 * this.#options.leaseMs;
    this.time.after(forMs, () => process.thaw());
  }

  async lose(host: OneHost, how: Loss): Promise<void> {
    this.all.splice(this.all.indexOf(host), 1);
    if (how === "close") await this.time.until(host.millrace.close());
    else host.process.kill();
    // One that is known to be gone gives back what it held; of one that vanished leases run out.
    if (how === "die") await host.store.close();
  }

  /** From now on nothing goes wrong. */
  calm(): void {
    this.#calm = true;
    for (const { process } of this.all) process.thaw();
  }

  /** The whole log. */
  async events(): Promise<RecordedEvent[]> {
    const { log, close } = this.#store("reader");
    const events: RecordedEvent[] = [];
    for await (const stored of log.read({})) {
      events.push(...recordedEvents(stored, openFrame(stored.run, stored.bytes).frame));
    }
    await close();
    return events;
  }

  async close(...others: readonly Millrace[]): Promise<void> {
    const all = [...others, ...this.all.map(({ millrace }) => millrace)];
    await this.time.until(Promise.all(all.map((one) => one.close())));
  }

  get #world() {
    const { time: clock, random } = this;
    return { clock, random, ids: seededIds(random) };
  }

  #store(node: string): Store {
    const { leaseMs } = this.#options;
    const share = this.#share;
    return memoryStore({ namespace: "default", node, leaseMs, world: this.#world, share });
  }

  #open(workflows: readonly Workflow[], wrap: (store: Store) => Store): Promise<Millrace> {
    const node = `node-${this.#nodes++}`;
    const real = this.#store(node);
    const { conflicts, failed, leaseMs: lease, sweepEvery } = this.#options;
    const shares = { conflicts: conflicts / 100, slow: 0.1, resent: 0, failed: failed / 100 };
    const faults = { random: this.random, clock: this.time, ...shares };
    const worker = workflows.length > 0;
    const log = faultyAppends(real.log, faults, () => worker && !this.#calm);
    return open({
      store: wrap({ ...real, log }),
      ...{ node, world: this.#world, logger: silentLogger, lease, sweepEvery, stopGrace: 500 },
      ...(worker ? { workflows } : { worker: false }),
    });
  }
}
