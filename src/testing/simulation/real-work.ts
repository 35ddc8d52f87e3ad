/** What code under test does outside of simulated time (real timers, files), and how long one waits for it. */
import { pause, systemClock } from "../../kernel/clock.ts";

/** Something that takes real time. */
interface Work {
  readonly done: Promise<void>;
  /** It waits for simulated time, so that waiting for it would be in vain. */
  readonly waits: () => boolean;
}

/** Real time that is left to real work when nothing else will happen. */
const LAST_PATIENCE_MS = 2_000;

/** Real work that is under way. */
export class RealWork {
  readonly #clock = systemClock();
  readonly #patienceMs: number;
  readonly #works = new Set<Work>();
  /** Work that time goes on without. */
  readonly #slow = new Set<Work>();

  constructor(patienceMs: number) {
    this.#patienceMs = patienceMs;
  }

  add(work: Promise<unknown>, waits: () => boolean): void {
    const over = (): void => {
      this.#works.delete(entry);
      this.#slow.delete(entry);
    };
    const entry: Work = { done: work.then(over, over), waits };
    this.#works.add(entry);
  }

  /** True: some was under way, and has ended, or has had its time. */
  async wait(): Promise<boolean> {
    const works = [...this.#works].filter(({ waits }) => !waits());
    if (works.length === 0) return false;
    if (await this.#oneOf(works, this.#patienceMs)) return true;
    for (const work of works) {
      this.#works.delete(work);
      this.#slow.add(work);
    }
    return true;
  }

  /** For when there is nothing else to wait for. True: something has ended after all. */
  async waitLong(): Promise<boolean> {
    if (this.#slow.size === 0) return false;
    const ended = await this.#oneOf([...this.#slow], LAST_PATIENCE_MS);
    if (!ended) this.#slow.clear();
    return ended;
  }

  /** Whether one of them ends within so many real ms. */
  async #oneOf(works: readonly Work[], ms: number): Promise<boolean> {
    const enough = new AbortController();
    const late = pause(this.#clock, ms, enough.signal).then(() => false);
    const ended = await Promise.race([...works.map(({ done }) => done.then(() => true)), late]);
    enough.abort("it has come to something");
    return ended;
  }
}
