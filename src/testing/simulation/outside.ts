/** What a simulated world gives to the code under test, in place of the real one. */
import { type Clock, pause } from "../../kernel/clock.ts";
import { type Duration, millis } from "../../kernel/duration.ts";
import { EffectLedger } from "./effects.ts";
import { currentExecution, never } from "./execution.ts";

/** The world outside of the workflows of one simulation: fakes are made of it. */
export interface Outside {
  /** Remembers what was done to the world. */
  readonly effects: EffectLedger;
  /**
   * Something that outlives processes: a fake server, a table. Made once per simulation; what a function
   * that makes workflows makes by itself is gone when its process crashes, as memory is.
   */
  shared<T>(name: string, make: () => T): T;
  /** Simulated time, in ms since the epoch. */
  now(): number;
  /** Takes simulated time, or less when `signal` aborts. Code of a process that crashes meanwhile never goes on. */
  sleep(duration: Duration, signal?: AbortSignal): Promise<void>;
}

/** A world by this clock, in which nothing has been done yet. */
export function outsideOf(time: Clock, effects: EffectLedger = new EffectLedger()): Outside {
  const kept = new Map<string, unknown>();
  return {
    effects,
    shared<T>(name: string, make: () => T): T {
      if (!kept.has(name)) kept.set(name, make());
      return kept.get(name) as T;
    },
    now: () => time.now(),
    async sleep(duration, signal) {
      const execution = currentExecution();
      if (execution !== undefined) execution.sleeping++;
      await pause(time, millis("sleep()", duration), signal);
      if (execution?.process.dead) await never();
      if (execution !== undefined) execution.sleeping--;
    },
  };
}
