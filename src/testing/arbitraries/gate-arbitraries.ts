/** Arbitraries for everything that can happen to a gate, and be asked of it. */
import fc from "fast-check";
import type { Admission, GateCommand, GateEvent, Limit } from "../../../machines/gate-data.ts";
import { type ByType, command, event } from "./message-arbitraries.ts";
import { counts, ids, text, times } from "./value-arbitraries.ts";

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
  "ledger.opened": event("ledger.opened", { name: ids, generation: counts }, { state: carried }),
  "ledger.closed": event("ledger.closed"),
  "gate.asked": event("gate.asked", { holder: ids, of: ids, createdAt: times, ...asked }),
  "gate.admitted": event("gate.admitted", { holder: ids }),
  "gate.released": event("gate.released", { holder: ids }),
  "gate.gathered": event("gate.gathered", { key: text, into: ids }),
};

/** An arbitrary for each command to a gate, by its name. */
export const gateCommandTypes: ByType<GateCommand> = {
  "cmd.open": command("cmd.open", { name: ids, generation: counts }, { state: carried }),
  "cmd.close": command("cmd.close"),
  "cmd.ask": command("cmd.ask", { holder: ids, of: ids, createdAt: times, ...asked }),
  "cmd.admit": command("cmd.admit", { holder: ids }),
  "cmd.release": command("cmd.release", { holder: ids }),
  "cmd.gather": command("cmd.gather", { key: text, into: ids }),
};
