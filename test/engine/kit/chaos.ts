/**
 * A process that can be killed or frozen, and a log that conflicts, is slow and fails: everything that
 * a store may do to the engine without breaking the contracts of its ports.
 */
import { type Deferred, deferred } from "../../../src/kernel/async.ts";
import { type Clock, pause } from "../../../src/kernel/clock.ts";
import { MillraceError } from "../../../src/kernel/errors.ts";
import type { Random } from "../../../src/kernel/random.ts";
import type { AppendOutcome, EventLog, NewFrame } from "../../../src/ports/event-log.ts";
import type { Store } from "../../../src/ports/store.ts";
import type { Claim } from "../../../src/ports/work-queue.ts";

const never = (): Promise<never> => new Promise(() => undefined);

/** The store of one process. Calls of a dead process never return, those of a frozen one later. */
export class Process {
  #dead = false;
  #frozen: Deferred<void> | undefined;

  kill(): void {
    this.#dead = true;
    this.thaw();
  }

  freeze(): void {
    this.#frozen ??= deferred();
  }

  thaw(): void {
    this.#frozen?.resolve();
    this.#frozen = undefined;
  }

  /** The store as this process sees it. */
  readonly wrap = (store: Store): Store => ({
    ...store,
    log: this.#port(store.log),
    inbox: this.#port(store.inbox),
    queue: this.#port(store.queue),
    nodes: this.#port(store.nodes),
    blobs: this.#port(store.blobs),
    views: this.#port(store.views),
  });

  async #gate(): Promise<void> {
    await this.#frozen?.promise;
    if (this.#dead) await never();
  }

  #port<P extends object>(port: P): P {
    return new Proxy(port, {
      get: (target, key) => {
        const own: unknown = Reflect.get(target, key);
        if (typeof own !== "function") return own;
        return (...args: unknown[]) => this.#call(() => own.apply(target, args.map(this.#later)));
      },
    });
  }

  /** Callbacks reach a frozen process later, and a dead one not at all. */
  readonly #later = (arg: unknown): unknown =>
    typeof arg !== "function"
      ? arg
      : (...args: unknown[]) => void this.#gate().then(() => arg(...args));

  #call(real: () => unknown): unknown {
    const made = { iterable: undefined as AsyncIterable<unknown> | undefined };
    const result = this.#gate().then(() => {
      const answer = real();
      if (isIterable(answer)) made.iterable = answer;
      return answer;
    });
    const gated = result.then(async (answer) => {
      await this.#gate();
      return Array.isArray(answer) ? answer.map((one) => this.#claim(one)) : answer;
    });
    // Whoever iterates asks for no promise, and whoever awaits iterates over nothing.
    const gate = () => this.#gate();
    return Object.assign(gated, {
      async *[Symbol.asyncIterator]() {
        await result;
        for await (const item of made.iterable ?? []) {
          await gate();
          yield item;
        }
      },
    });
  }

  #claim(one: unknown): unknown {
    const claim = one as Partial<Claim>;
    return typeof claim.extend === "function" ? this.#port(claim) : one;
  }
}

const isIterable = (value: unknown): value is AsyncIterable<unknown> =>
  typeof value === "object" && value !== null && Symbol.asyncIterator in value;

/** What goes wrong with appends, as shares of all. */
export interface AppendFaults {
  readonly random: Random;
  readonly clock: Clock;
  /** Refused, though nobody else has written. */
  readonly conflicts: number;
  /** Answered late; before or after it is stored. */
  readonly slow: number;
  /** The answer is lost, so it is sent again. */
  readonly resent: number;
  /** Rejected; stored or not. */
  readonly failed: number;
}

/** Puts faults into a log; `active()` says whether there are any at this moment. */
export function faultyAppends(
  log: EventLog,
  faults: AppendFaults,
  active: () => boolean,
): EventLog {
  const { random, clock } = faults;
  const hits = (share: number): boolean => active() && random.next() < share;
  const append = async (frame: NewFrame, signal?: AbortSignal): Promise<AppendOutcome> => {
    if (hits(faults.conflicts)) return { ok: false, head: await log.head(frame.run) };
    if (hits(faults.slow)) await pause(clock, random.next() * 400);
    if (hits(faults.failed)) throw unavailable();
    let outcome = await log.append(frame, signal);
    if (hits(faults.resent)) outcome = await log.append(frame, signal);
    if (hits(faults.slow)) await pause(clock, random.next() * 400);
    if (hits(faults.failed)) throw unavailable();
    return outcome;
  };
  return new Proxy(log, {
    get(target, key) {
      if (key === "append") return append;
      const own: unknown = Reflect.get(target, key);
      return typeof own === "function" ? own.bind(target) : own;
    },
  });
}

const unavailable = (): MillraceError =>
  new MillraceError("E_STORE_UNAVAILABLE", "the log cannot be reached");
