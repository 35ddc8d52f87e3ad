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
}

/** Wakes everyone who waits for a change; they look for themselves whether it concerns them. */
export class Bell {
  readonly #listeners = new Set<() => void>();

  ring(): void {
    for (const listener of [...this.#listeners]) listener();
  }

  /** Resolves at the next ring, when the signal aborts, or after `ms`. */
  heard({ signal, clock, ms = Number.POSITIVE_INFINITY }: Patience): Promise<void> {
    return new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const done = (): void => {
        this.#listeners.delete(done);
        signal.removeEventListener("abort", done);
        cancel?.();
        resolve();
      };
      const cancel = Number.isFinite(ms) ? clock.after(ms, done) : undefined;
      this.#listeners.add(done);
      signal.addEventListener("abort", done, { once: true });
    });
  }
}
