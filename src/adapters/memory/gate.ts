/** The two small things all memory ports share: being closed, and waiting for a change. */
import type { Clock } from "../../kernel/clock.ts";
import { MillraceError } from "../../kernel/errors.ts";

/** Whether a port may still be used. */
export class Gate {
  readonly #port: string;
  #shut = false;

  /** @param port its name, for the message */
  constructor(port: string) {
    this.#port = port;
  }

  get isShut(): boolean {
    return this.#shut;
  }

  /** @throws MillraceError `E_STORE_CLOSED` */
  pass(): void {
    if (!this.#shut) return;
    throw new MillraceError(
      "E_STORE_CLOSED",
      `the ${this.#port} is closed; open the store again to go on`,
    );
  }

  shut(): void {
    this.#shut = true;
  }
}

/** When to stop listening to a `Bell` that does not ring. */
export interface Patience {
  readonly signal: AbortSignal;
  readonly clock: Clock;
  /** Default: for ever. */
  readonly ms?: number;
  /** What is listened for. @default "" */
  readonly topic?: string;
}

/** Wakes who waits for a change; they look for themselves whether it concerns them. */
export class Bell {
  readonly #listeners = new Map<string, Set<() => void>>();

  /** Wakes those who listen for one of the topics; everyone when none is given. */
  ring(...topics: readonly string[]): void {
    for (const topic of topics.length === 0 ? [...this.#listeners.keys()] : topics) {
      for (const listener of [...(this.#listeners.get(topic) ?? [])]) listener();
    }
  }

  /** Resolves when the topic is rung for, when the signal aborts, or after `ms`. */
  heard({ signal, clock, topic = "", ms = Number.POSITIVE_INFINITY }: Patience): Promise<void> {
    return new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const listeners = this.#listeners.get(topic) ?? new Set();
      this.#listeners.set(topic, listeners);
      const done = (): void => {
        listeners.delete(done);
        if (listeners.size === 0 && this.#listeners.get(topic) === listeners) {
          this.#listeners.delete(topic);
        }
        signal.removeEventListener("abort", done);
        cancel?.();
        resolve();
      };
      const cancel = Number.isFinite(ms) ? clock.after(ms, done) : undefined;
      listeners.add(done);
      signal.addEventListener("abort", done, { once: true });
    });
  }
}
