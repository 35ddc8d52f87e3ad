/**
 * Appends that conflict, are slow, are sent twice and fail: what a log may do to the engine without
 * breaking its contract.
 */
import { type Clock, pause } from "../../../src/kernel/clock.ts";
import { MillraceError } from "../../../src/kernel/errors.ts";
import type { Random } from "../../../src/kernel/random.ts";
import type { AppendOutcome, EventLog, NewFrame } from "../../../src/ports/event-log.ts";
import { over } from "../../../src/testing/simulation/over.ts";

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
  return over(log, { append });
}

const unavailable = (): MillraceError =>
  new MillraceError("E_STORE_UNAVAILABLE", "the log cannot be reached");
