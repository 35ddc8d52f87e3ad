/**
 * A process that can be killed or frozen: what it sees of its store and of time. The engine that runs in
 * it is not told; nothing that it asks for comes back any more, as if the machine had lost its power.
 */
import { type Deferred, deferred } from "../../kernel/async.ts";
import type { CancelTimer, Clock } from "../../kernel/clock.ts";
import type { Store } from "../../ports/store.ts";
import type { Claim } from "../../ports/work-queue.ts";

const never = (): Promise<never> => new Promise(() => undefined);

/** The store of one process. Calls of a dead process never return, those of a frozen one later. */
export class Process {
  #dead = false;
  #frozen: Deferred<void> | undefined;
  readonly #timers = new Set<CancelTimer>();

  /** It was killed: whatever its code still does has no effect. */
  get dead(): boolean {
    return this.#dead;
  }

  kill(): void {
    this.#dead = true;
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
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

  /** Time as this process has it: a dead one gets no further turn, and its timers never fire. */
  clock(time: Clock): Clock {
    return {
      now: () => time.now(),
      mono: () => time.mono(),
      turn: () =>
        this.#dead ? never() : time.turn().then(() => (this.#dead ? never() : undefined)),
      after: (ms, fire) => {
        if (this.#dead) return () => undefined;
        const cancel = time.after(ms, () => {
          this.#timers.delete(forget);
          fire();
        });
        const forget = (): void => {
          this.#timers.delete(forget);
          cancel();
        };
        this.#timers.add(forget);
        return forget;
      },
    };
  }

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
