/** Arbitraries for everything that can happen to a gate, and be asked of it. */
import fc from "fast-check";
import type { Admission, GateCommand, GateEvent, Limit } from "../../machines/gate-data.ts";
import { type ByType, counts, ids, text, times, type } from "./value-arbitraries.ts";

const limits: fc.Arbitrary<Limit> = fc.record(
  {
    name: fc.constantFrom("a", "constructor"),
    key: fc.oneof(fc.constantFrom("", "k"), text),
    limit: fc.integer({ min: 1, max: 2 }),
    perMs: fc.integer({ min: 1, max: 40 }),
  },
  { requiredKeys: ["name", "key", "limit"] },
);

const asked = {
  limits: fc.uniqueArray(limits, { maxLength: 2, selector: ({ name }) => name }),
  priority: fc.integer({ min: -2, max: 2 }),
  fair: fc.oneof(fc.constantFrom("", "k", "l"), text),
} as const;

/** What a run may have to be let in by, as frozen at its start. */
export const admissions: fc.Arbitrary<Admission> = fc.record({ gate: ids, ...asked });

/** What a generation carries over; most of a gate's state is as it begins. */
const carried = fc.record({ asks: counts, turn: counts });

/** An arbitrary for each event of a gate, by its name. */
export const gateEventTypes: ByType<GateEvent> = {
  "ledger.opened": fc.record(
    {
      type: type("ledger.opened"),
      at: times,
      name: ids,
      generation: counts,
      state: carried,
    },
    { requiredKeys: ["type", "at", "name", "generation"] },
  ),
  "ledger.closed": fc.record({ type: type("ledger.closed"), at: times }),
  "gate.asked": fc.record({
    type: type("gate.asked"),
    at: times,
    holder: ids,
    of: ids,
    createdAt: times,
    ...asked,
  }),
  "gate.admitted": fc.record({ type: type("gate.admitted"), at: times, holder: ids }),
  "gate.released": fc.record({ type: type("gate.released"), at: times, holder: ids }),
  "gate.gathered": fc.record({ type: type("gate.gathered"), at: times, key: text, into: ids }),
};

/** An arbitrary for each command to a gate, by its name. */
export const gateCommandTypes: ByType<GateCommand> = {
  "cmd.open": fc.record(
    { type: type("cmd.open"), now: times, name: ids, generation: counts, state: carried },
    { requiredKeys: ["type", "now", "name", "generation"] },
  ),
  "cmd.close": fc.record({ type: type("cmd.close"), now: times }),
  "cmd.ask": fc.record({
    type: type("cmd.ask"),
    now: times,
    holder: ids,
    of: ids,
    createdAt: times,
    ...asked,
  }),
  "cmd.admit": fc.record({ type: type("cmd.admit"), now: times, holder: ids }),
  "cmd.release": fc.record({ type: type("cmd.release"), now: times, holder: ids }),
  "cmd.gather": fc.record({ type: type("cmd.gather"), now: times, key: text, into: ids }),
};
