/** What is still done for runs that were let go of: nobody waits for it but a process that stops. */
import type { Engine } from "../engine.ts";
import { unattended } from "./leave.ts";

export class Leaving {
  readonly #engine: Engine;
  readonly #works = new Set<Promise<void>>();

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** What fails is logged, and done by whoever claims the run next. */
  add(run: string, work: Promise<void>): void {
    unattended(this.#engine, { run }, work);
    this.#works.add(work);
    const forget = (): void => void this.#works.delete(work);
    work.then(forget, forget);
  }

  /** Resolves when all of it is done, or has failed. */
  async done(): Promise<void> {
    await Promise.allSettled(this.#works);
  }
}
