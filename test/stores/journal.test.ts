/**
 * The journal: group commit, refusals that harm nobody else, conflicts, and what is kept in memory.
 */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { memoryStore } from "../../src/adapters/memory/store.ts";
import type { Engine } from "../../src/engine/engine.ts";
import { Journal } from "../../src/engine/reading/journal.ts";
import type { Draft } from "../../src/engine/turn/draft.ts";
import { openFrame } from "../../src/events/frame.ts";
import { MillraceError } from "../../src/kernel/errors.ts";
import { limits } from "../../src/kernel/limits.ts";
import type { Store } from "../../src/ports/store.ts";
import { beginDriven } from "../../src/stores/driven-run.ts";
import { over } from "../../src/testing/simulation/over.ts";
import { sharedNatsServer } from "../support/nats-server.ts";
import { type EnginePlace, engineOf, memoryPlace, places, systemWorld } from "./places.ts";

const refusal = (): MillraceError => new MillraceError("E_COMMAND_REFUSED", "not now");

const note = (draft: Draft, name: string, payload: unknown = null): number => {
  draft.add([{ type: "user.noted", at: draft.now, name, payload: { json: payload } }]);
  return draft.state.cursor.seq;
};

/** Names of the notes in each frame of the run. */
async function framesOf(engine: Engine, run: string): Promise<string[][]> {
  const frames: string[][] = [];
  for await (const stored of engine.store.log.read({ run })) {
    const { events } = openFrame(run, stored.bytes, engine.codecs).frame;
    frames.push(events.map((event) => ("name" in event ? event.name : event.type)));
  }
  return frames;
}

const begin = (journal: Journal, engine: Engine, run = "r"): Promise<void> =>
  beginDriven(journal, engine, run, { workflow: "flow" });

/** Counts the requests to the log of a store. */
function counted(store: Store): { store: Store; calls: { read: number; head: number } } {
  const calls = { read: 0, head: 0 };
  const { log } = store;
  const counting = over(log, {
    read: (range) => {
      calls.read++;
      return log.read(range);
    },
    head: ((run: string) => {
      calls.head++;
      return log.head(run);
    }) as Store["log"]["head"],
  });
  return { store: { ...store, log: counting }, calls };
}

const url = sharedNatsServer();

describe.each(places(url))("journal on %s", (_name, makePlace) => {
  let place: EnginePlace;
  let engine: Engine;
  let journal: Journal;
  beforeEach(async () => {
    place = await makePlace();
    engine = await place.open("node-1");
    journal = new Journal(engine);
    await begin(journal, engine);
  });
  afterEach(() => place.destroy());

  it("puts everything that waits into one frame", async () => {
    const seqs = await Promise.all(
      Array.from({ length: 20 }, (_, nth) => journal.amend("r", (draft) => note(draft, `n${nth}`))),
    );
    expect(seqs).toEqual(Array.from({ length: 20 }, (_, nth) => 4 + nth));
    const frames = await framesOf(engine, "r");
    expect(frames.map((names) => names.length)).toEqual([3, 20]);
  });

  it("rejects only the call that refuses, and leaves nothing of it", async () => {
    const outcomes = await Promise.allSettled([
      journal.amend("r", (draft) => note(draft, "before")),
      journal.amend("r", (draft) => {
        note(draft, "half");
        note(draft, "a decision");
        throw refusal();
      }),
      journal.amend("r", () => {
        throw refusal();
      }),
      journal.amend("r", (draft) => note(draft, "after")),
      journal.read("r", (state) => state.cursor.seq),
    ]);
    expect(outcomes.map((outcome) => outcome.status)).toEqual([
      "fulfilled",
      "rejected",
      "rejected",
      "fulfilled",
      "fulfilled",
    ]);
    expect(outcomes[3]).toMatchObject({ value: 5 });
    expect(outcomes[4]).toMatchObject({ value: 5 });
    expect((await framesOf(engine, "r"))[1]).toEqual(["before", "after"]);
  });

  it("decides again on what another process wrote, and answers nothing older", async () => {
    const other = new Journal(await place.open("node-2"));
    await other.read("r", () => undefined);
    await journal.amend("r", (draft) => note(draft, "mine"));
    expect(await other.read("r", (state) => state.cursor.seq)).toBe(4);
    expect(await other.amend("r", (draft) => note(draft, "theirs"))).toBe(5);
    expect(await journal.amend("r", (draft) => draft.state.cursor.seq)).toBe(5);
    const both = await Promise.all([
      journal.amend("r", (draft) => note(draft, "at once")),
      other.amend("r", (draft) => note(draft, "at once")),
    ]);
    expect(both.sort()).toEqual([6, 7]);
  });

  it("lets 50 writers in 5 processes through, without a gap", async () => {
    const journals = [journal];
    for (let nth = 2; nth <= 5; nth++) journals.push(new Journal(await place.open(`node-${nth}`)));
    const seqs = await Promise.all(
      Array.from({ length: 50 }, (_, nth) =>
        (journals[nth % 5] as Journal).amend("r", (draft) => note(draft, `n${nth}`)),
      ),
    );
    expect(seqs.sort((left, right) => left - right)).toEqual(
      Array.from({ length: 50 }, (_, nth) => 4 + nth),
    );
  });

  it("forgets a run that another process erased, and follows it into its new life", async () => {
    const other = await place.open("node-2");
    await journal.amend("r", (draft) => note(draft, "old"));
    await other.store.log.erase("r");
    expect(await journal.read("r", (state) => state.cursor.seq)).toBe(0);
    await begin(new Journal(other), other);
    expect(await journal.amend("r", (draft) => note(draft, "new"))).toBe(4);
    await other.store.log.erase("r");
    await begin(journal, engine);
    expect(await framesOf(engine, "r")).toHaveLength(1);
  });

  it("notices on writing that the run was erased and begun anew", async () => {
    const other = await place.open("node-2");
    await journal.amend("r", (draft) => note(draft, "old"));
    await other.store.log.erase("r");
    await begin(new Journal(other), other);
    const noted = (draft: Draft): number => note(draft, "new");
    expect(await journal.amend("r", noted)).toBe(4);
  });
});

describe("journal", () => {
  const memory = (): Store => memoryStore({ namespace: "n", node: "a", world: systemWorld });

  it("asks the log once for a run that it knows, and reads nothing when nothing has come", async () => {
    const { store, calls } = counted(memory());
    const engine = engineOf(store, "a");
    const journal = new Journal(engine);
    await begin(journal, engine);
    Object.assign(calls, { read: 0, head: 0 });
    for (let nth = 0; nth < 5; nth++) await journal.read("r", (state) => state.cursor.seq);
    expect(calls).toEqual({ read: 0, head: 5 });
    await journal.amend("r", (draft) => note(draft, "written"));
    expect(calls).toEqual({ read: 0, head: 5 });
    await new Journal(engine).read("r", (state) => state.cursor.seq);
    expect(calls).toEqual({ read: 1, head: 5 });
  });

  it("keeps no more runs than it should, the ones used last", async () => {
    const { store, calls } = counted(memory());
    const engine = engineOf(store, "a");
    const journal = new Journal(engine, { runs: 2 });
    for (const run of ["a", "b", "c"]) await begin(journal, engine, run);
    calls.read = 0;
    const look = async (run: string): Promise<void> => {
      await journal.read(run, () => undefined);
      await systemWorld.clock.turn();
    };
    await systemWorld.clock.turn();
    for (const run of ["b", "c"]) await look(run);
    expect(calls.read).toBe(0);
    await look("a");
    expect(calls.read).toBe(1);
    await look("b");
    expect(calls.read).toBe(2);
    await look("a");
    expect(calls.read).toBe(2);
  });

  it("keeps the run used last however large it is", async () => {
    const { store, calls } = counted(memory());
    const engine = engineOf(store, "a");
    const journal = new Journal(engine, { bytes: 1 });
    await begin(journal, engine);
    calls.read = 0;
    await journal.read("r", () => undefined);
    expect(calls.read).toBe(0);
  });

  it("spreads what does not fit one frame over several, in order", async () => {
    const engine = engineOf(memory(), "a");
    const journal = new Journal(engine);
    await begin(journal, engine);
    const text = "x".repeat(60_000);
    const seqs = await Promise.all(
      Array.from({ length: 40 }, (_, nth) =>
        journal.amend("r", (draft) => note(draft, `n${nth}`, text)),
      ),
    );
    expect(seqs).toEqual(Array.from({ length: 40 }, (_, nth) => 4 + nth));
    const frames = await framesOf(engine, "r");
    expect(frames.length).toBeGreaterThan(4);
    expect(frames.slice(1).flat()).toEqual(Array.from({ length: 40 }, (_, nth) => `n${nth}`));
  });

  it("rejects the one call that is too large for any frame, and takes its neighbours", async () => {
    const engine = engineOf(memory(), "a");
    const journal = new Journal(engine);
    await begin(journal, engine);
    const noise = Array.from({ length: 300_000 }, () => Math.random());
    const outcomes = await Promise.allSettled([
      journal.amend("r", (draft) => note(draft, "small")),
      journal.amend("r", (draft) => note(draft, "huge", noise)),
      journal.amend("r", (draft) => note(draft, "small too")),
    ]);
    expect(outcomes.map((outcome) => outcome.status)).toEqual([
      "fulfilled",
      "rejected",
      "fulfilled",
    ]);
    expect(outcomes[1]).toMatchObject({ reason: { code: "E_TOO_LARGE" } });
  });

  it("lets 50 processes through that write at once", async () => {
    const place = await memoryPlace();
    const engines = await Promise.all(
      Array.from({ length: 50 }, (_, nth) => place.open(`node-${nth}`)),
    );
    await begin(new Journal(engines[0] as Engine), engines[0] as Engine);
    const seqs = await Promise.all(
      engines.map((engine) => new Journal(engine).amend("r", (draft) => note(draft, engine.node))),
    );
    expect(new Set(seqs).size).toBe(50);
    await place.destroy();
  });

  it("gives up when every append is refused, and says so", async () => {
    const inner = memory();
    const store: Store = {
      ...inner,
      log: Object.assign(Object.create(inner.log), {
        append: async () => ({ ok: false, head: 1 }),
        read: (range: object) => inner.log.read(range),
        head: (run?: string) => inner.log.head(run),
      }),
    };
    const engine = engineOf(store, "a", { ...systemWorld, random: { next: () => 0 } });
    const journal = new Journal(engine);
    let decided = 0;
    const write = journal.amend("r", (draft) => {
      decided++;
      const plan = { kind: "code", version: "1", retryBudget: 0 };
      const begun = { workflow: "flow", content: "c", input: { json: null }, plan };
      draft.add([{ type: "run.created", at: draft.now, ...begun }]);
    });
    await expect(write).rejects.toMatchObject({ code: "E_STORE_UNAVAILABLE" });
    expect(decided).toBe(limits.commitConflictsMax + 1);
    expect(await journal.read("r", (state) => state.cursor.seq)).toBe(0);
  });
});
