/** What a simulated world gives to the code under test, in place of the real one. */
import { type Clock, pause } from "../kernel/clock.ts";
import { type Duration, millis } from "../kernel/duration.ts";
import { EffectLedger } from "./effects.ts";
import { currentExecution, never } from "./execution.ts";

/** The world outside of the workflows of one simulation: fakes are made of it. */
export interface Outside {
  /** Remembers what was done to the world. */
  readonly effects: EffectLedger;
  /** Simulated time, in ms since the epoch. */
  now(): number;
  /** Takes simulated time, or less when `signal` aborts. Code of a process that crashes meanwhile never goes on. */
  sleep(duration: Duration, signal?: AbortSignal): Promise<void>;
}

/** A world by this clock, in which nothing has been done yet. */
export function outsideOf(time: Clock, effects: EffectLedger = new EffectLedger()): Outside {
  return {
    effects,
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
