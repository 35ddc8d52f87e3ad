// Who comes next at a gate: turns between keys, then priority, then age; and never more than a limit lets in.
import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Ask, type GateCommand, gateContext, type Limit } from "../../machines/gate-data.ts";
import {
  carriedGate,
  gateTable,
  lanesOf,
  nextAdmitted,
  nextByTime,
  standingOf,
} from "../../src/domain/gate.ts";

/** A gate that is told things at times. */
class Gate {
  readonly actor = gateTable.create(gateContext({ name: "g" }));
  readonly admitted: string[] = [];
  now = 0;

  constructor() {
    this.order({ type: "cmd.open", now: 0, name: "g", generation: 1 });
  }

  get context() {
    return this.actor.context;
  }

  order(command: GateCommand): boolean {
    const decided = gateTable.decide(this.actor, command);
    if (!decided.ok) return false;
    for (const event of decided.value) assert.ok(gateTable.evolve(this.actor, event).ok);
    return true;
  }

  ask(holder: string, more: Partial<Ask> = {}): void {
    const ask = { of: "w", createdAt: this.now, limits: [one], priority: 0, fair: "", ...more };
    this.order({ type: "cmd.ask", now: this.now, holder, ...ask });
  }

  /** Lets in whoever can be. */
  settle(): void {
    const lanes = lanesOf(this.context);
    for (;;) {
      const holder = nextAdmitted(this.context, lanes, this.now);
      if (holder === undefined) return;
      assert.ok(this.order({ type: "cmd.admit", now: this.now, holder }), holder);
      this.admitted.push(holder);
    }
  }

  release(holder: string): void {
    this.order({ type: "cmd.release", now: this.now, holder });
    this.settle();
  }
}

const one: Limit = { name: "concurrency", key: "", limit: 1 };

/** Lets everybody through who waits, one after the other. */
function drain(gate: Gate): readonly string[] {
  gate.settle();
  for (let at = 0; at < gate.admitted.length; at++) gate.release(gate.admitted[at] ?? "");
  return gate.admitted;
}

describe("between keys", () => {
  it("a key with a thousand waiting does not hold up another with one", () => {
    const gate = new Gate();
    for (let no = 0; no < 1_000; no++) gate.ask(`loud-${no}`, { fair: "loud" });
    gate.settle();
    gate.ask("quiet", { fair: "quiet" });
    expect(drain(gate).indexOf("quiet")).toBeLessThanOrEqual(2);
    expect(gate.admitted).toHaveLength(1_001);
  });

  it("it goes round, whoever has asked more", () => {
    const gate = new Gate();
    for (const no of [1, 2, 3]) gate.ask(`a${no}`, { fair: "a" });
    for (const no of [1, 2]) gate.ask(`b${no}`, { fair: "b" });
    gate.ask("c1", { fair: "c" });
    expect(drain(gate)).toEqual(["a1", "b1", "c1", "a2", "b2", "a3"]);
  });

  it("a stream of new keys does not starve one that waits", () => {
    const gate = new Gate();
    for (const no of [1, 2, 3]) gate.ask(`old-${no}`, { fair: "old" });
    gate.settle();
    for (let no = 0; no < 50; no++) {
      gate.ask(`new-${no}`, { fair: `new-${no}` });
      gate.release(gate.admitted.at(-1) ?? "");
    }
    expect(gate.admitted.slice(0, 6)).toContain("old-3");
  });
});

describe("within a key", () => {
  it("the higher priority comes first, and of the same the older", () => {
    const gate = new Gate();
    gate.ask("working");
    gate.settle();
    gate.ask("young", { createdAt: 9 });
    gate.ask("old", { createdAt: 1 });
    gate.ask("urgent", { createdAt: 20, priority: 5 });
    expect(standingOf(gate.context, "young", 0)).toMatchObject({ place: 3, line: 3, lines: 1 });
    expect(drain(gate)).toEqual(["working", "urgent", "old", "young"]);
  });

  it("who cannot be let in holds up nobody who can", () => {
    const gate = new Gate();
    const of = (key: string): Limit => ({ name: "per-key", key, limit: 1 });
    for (const holder of ["a1", "a2"]) gate.ask(holder, { limits: [of("a")] });
    gate.ask("b1", { limits: [of("b")] });
    gate.settle();
    expect(gate.admitted).toEqual(["a1", "b1"]);
  });
});

describe("a limit by time", () => {
  const span: Limit = { name: "rateLimit", key: "", limit: 2, perMs: 100 };

  it("lets in so many within any span, and says when the next may come", () => {
    const gate = new Gate();
    for (const holder of ["a", "b", "c"]) gate.ask(holder, { limits: [span] });
    gate.settle();
    expect(gate.admitted).toEqual(["a", "b"]);
    gate.release("a");
    expect(gate.admitted).toEqual(["a", "b"]);
    expect(nextByTime(gate.context, lanesOf(gate.context), 0)).toEqual({ holder: "c", at: 100 });
    gate.now = 100;
    gate.settle();
    expect(gate.admitted).toEqual(["a", "b", "c"]);
  });

  it("is not stuck when the clock is set back by more than its span", () => {
    const gate = new Gate();
    gate.now = 1_000_000;
    for (const holder of ["a", "b", "c"]) gate.ask(holder, { limits: [span] });
    gate.settle();
    gate.now = 1_000;
    gate.settle();
    expect(gate.admitted).toEqual(["a", "b", "c"]);
  });
});

describe("numbers that change", () => {
  it("are those of the run that was started last, for whoever waits", () => {
    const gate = new Gate();
    for (const holder of ["a", "b", "c"]) gate.ask(holder, { createdAt: 1 });
    gate.settle();
    gate.ask("d", { createdAt: 2, limits: [{ ...one, limit: 3 }] });
    gate.settle();
    expect(gate.admitted).toEqual(["a", "b", "c"]);
  });
});

interface Doing {
  readonly who: number;
  readonly what: "ask" | "release" | "wait" | "carry";
  readonly key: string;
}

const doings: fc.Arbitrary<Doing[]> = fc.array(
  fc.record({
    who: fc.nat(12),
    what: fc.constantFrom("ask", "ask", "release", "wait", "carry"),
    key: fc.constantFrom("x", "y", "__proto__"),
  }),
  { maxLength: 60 },
);

describe("whatever happens", () => {
  it("no limit is exceeded, nobody waits who could be let in, and a generation changes nothing", () => {
    const property = fc.property(doings, fc.integer({ min: 1, max: 3 }), (steps, most) => {
      let gate = new Gate();
      const limits = (key: string): Limit[] => [
        { name: "all", key: "", limit: most + 1 },
        { name: "concurrency", key, limit: most },
        { name: "rateLimit", key, limit: most, perMs: 20 },
      ];
      for (const { who, what, key } of steps) {
        gate.now += 7;
        const holder = `run-${who}`;
        if (what === "ask") gate.ask(holder, { limits: limits(key), fair: key });
        else if (what === "release") gate.order({ type: "cmd.release", now: gate.now, holder });
        else if (what === "carry") gate = carryOver(gate);
        gate.settle();
        check(gate, most);
      }
    });
    fc.assert(property, { numRuns: 300 });
  });
});

function carryOver(old: Gate): Gate {
  const next = new Gate();
  next.now = old.now;
  const state = JSON.parse(JSON.stringify(carriedGate(old.context, old.now))) as object;
  const opened = { type: "ledger.opened", at: old.now, name: "g", generation: 2, state } as const;
  const actor = gateTable.create(gateContext({ name: "g" }));
  assert.ok(gateTable.evolve(actor, opened).ok);
  const { times: _, generation: __, ...carried } = actor.context;
  const { times: ___, generation: ____, ...before } = old.context;
  assert.deepEqual(carried, before);
  Object.assign(next.actor, actor);
  return next;
}

function check({ context, now }: Gate, most: number): void {
  const counts = new Map<string, number>();
  for (const { limits } of Object.values(context.holders)) {
    for (const { name, key, perMs } of limits) {
      if (perMs === undefined)
        counts.set(`${name}:${key}`, (counts.get(`${name}:${key}`) ?? 0) + 1);
    }
  }
  for (const [key, count] of counts) assert.ok(count <= (key === "all:" ? most + 1 : most), key);
  assert.deepEqual({ ...context.used }, Object.fromEntries(counts));
  for (const times of Object.values(context.times)) {
    assert.ok(times.filter((at) => now - at < 20).length <= most);
  }
  assert.equal(nextAdmitted(context, lanesOf(context), now), undefined);
}
