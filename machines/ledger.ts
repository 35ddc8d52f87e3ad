/**
 * What records beside runs (gates, schedules) have in common. A record lives in generations: when one
 * has become long, it is closed, and the next begins with the state that it carried over.
 */

/** Where a generation of a record begins and ends. */
export type LedgerEvent =
  /** `state`: what the generation before carried over; absent: it begins from nothing. */
  | { type: "ledger.opened"; at: number; name: string; generation: number; state?: unknown }
  | { type: "ledger.closed"; at: number };

type Opened = Extract<LedgerEvent, { type: "ledger.opened" }>;

/** What can be asked of every record; never recorded. */
export type LedgerCommand =
  | { type: "cmd.open"; now: number; name: string; generation: number; state?: unknown }
  | { type: "cmd.close"; now: number };

/** How a record begins when it is told to. */
export const opened = (command: Extract<LedgerCommand, { type: "cmd.open" }>): Opened => {
  const { now: at, name, generation, state } = command;
  return { type: "ledger.opened", at, name, generation, ...(state === undefined ? {} : { state }) };
};
