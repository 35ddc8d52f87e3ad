/**
 * A fake of the outside world that remembers what was done to it. As a payment provider does, it applies
 * an effect once that comes with an idempotency key, and every time that comes without one.
 */
import { currentExecution, type Execution, never } from "./execution.ts";

/** How an effect is applied. */
export interface EffectOptions {
  /** The same key again, for an effect of the same name: nothing happens. @default none: it happens every time */
  readonly key?: string;
  /** What it is about, for comparisons and messages; JSON. @default null */
  readonly detail?: unknown;
}

/** Something that was done to the outside world. */
export interface Effect {
  readonly name: string;
  readonly key: string | null;
  readonly detail: unknown;
  /** Whose code did it; null outside of a run under test. */
  readonly by: EffectSource | null;
}

/** Whose code applied an effect. */
export interface EffectSource {
  readonly run: string;
  /** Null: the workflow's function itself. */
  readonly step: string | null;
  readonly attempt: number;
  /** Id of the process. */
  readonly node: string;
}

/** What was done to the outside world, in order. */
export class EffectLedger {
  readonly #applied: Effect[] = [];
  readonly #keys = new Set<string>();

  /** Effects that were applied; those whose key was known are not among them. */
  get applied(): readonly Effect[] {
    return this.#applied;
  }

  /**
   * Applies an effect. Code of a process that has crashed gets no answer, and nothing happens.
   * @returns false: it was applied before, with the same key
   */
  async apply(name: string, { key, detail = null }: EffectOptions = {}): Promise<boolean> {
    const execution = currentExecution();
    if (execution?.process.dead) return never();
    const known = JSON.stringify([name, key]);
    if (key !== undefined && this.#keys.has(known)) return false;
    this.#keys.add(known);
    const by = sourceOf(execution);
    this.#applied.push({ name, key: key ?? null, detail: structuredClone(detail), by });
    return true;
  }

  /** Forgets everything. */
  clear(): void {
    this.#applied.length = 0;
    this.#keys.clear();
  }
}

function sourceOf(execution: Execution | undefined): EffectSource | null {
  if (execution === undefined) return null;
  const { run, step = null, attempt, node } = execution;
  return { run, step, attempt, node };
}
