/**
 * Random histories of the output store against a plain list, in two processes that take turns and now
 * and then forget what they have in memory; and writers at once, in every order of their requests.
 */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Engine } from "../../src/engine/engine.ts";
import { Journal } from "../../src/engine/reading/journal.ts";
import type { EventLog } from "../../src/ports/event-log.ts";
import { beginDriven } from "../../src/stores/driven-run.ts";
import type { OutputEvent } from "../../src/stores/output-content.ts";
import type { OutputRecord } from "../../src/stores/output-records.ts";
import type { OutputStore } from "../../src/stores/output-store.ts";
import { over } from "../../src/testing/simulation/over.ts";
import { sharedNatsServer } from "../support/nats-server.ts";
import { storeNode } from "./outputs-kit.ts";
import { type EnginePlace, memoryPlace, places } from "./places.ts";

interface Output {
  readonly ref: string;
  readonly task: string;
  readonly attempt: number;
  readonly producer: string;
  readonly event: OutputEvent;
  readonly parents: readonly string[];
  readonly key: string | undefined;
}

/** All that is there, in order, and which tasks were erased. */
class Model {
  outputs: Output[] = [];
  readonly known = new Set<string>();
  readonly erased = new Set<string>();
}

interface Real {
  /** Told apart from other histories in the same place. */
  readonly suffix: string;
  readonly engine: Engine;
  readonly restart: () => void;
  readonly store: () => OutputStore;
}

type Command = fc.AsyncCommand<Model, Real>;

const command = (name: string, run: (model: Model, real: Real) => Promise<void>): Command => ({
  check: () => true,
  run,
  toString: () => name,
});

const codeOf = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    (value) => value,
    (error: { code: string }) => error.code,
  );

const refOf = (call: Promise<OutputRecord>): Promise<unknown> =>
  codeOf(call.then((record) => record.ref));

type Appending = Pick<Output, "task" | "attempt" | "producer" | "event" | "key"> & {
  /** Of the model's outputs, counted from the newest; one that is not there is an unknown ref. */
  readonly parentsBack: readonly number[];
};

const append = (given: Appending): Command =>
  command(`append ${JSON.stringify(given)}`, async (model, { store, suffix }) => {
    const { attempt, key, parentsBack } = given;
    const isNamed = given.event.type === "artifact";
    const event = isNamed ? { ...given.event, name: ARTIFACT + suffix } : given.event;
    const [task, producer] = [given.task + suffix, given.producer + suffix];
    const known = parentsBack.map((back) => model.outputs.at(-1 - back)?.ref);
    const parents = known.map((ref) => ref ?? "out-none");
    const options = key === undefined ? {} : { key };
    const got = await codeOf(store().append(task, attempt, producer, event, parents, options));
    const own = model.outputs.filter((one) => one.task === task && one.attempt === attempt);
    const twin = own.find(
      (one) => key !== undefined && one.key === key && one.producer === producer,
    );
    if (known.includes(undefined)) expect(got).toBe("E_OUTPUT_NOT_FOUND");
    else if (model.erased.has(task)) expect(got).toBe("E_RUN_ERASED");
    else if (twin !== undefined) {
      const same = JSON.stringify([twin.event, twin.parents]) === JSON.stringify([event, parents]);
      expect(got).toBe(same ? twin.ref : "E_OUTPUT_CONFLICT");
    } else if (own.some((one) => one.event.type === "final")) expect(got).toBe("E_OUTPUT_SEALED");
    else {
      expect(got).toMatch(/^out-[0-9a-f]{20}$/);
      model.known.add(task);
      model.outputs.push({ ref: String(got), task, attempt, producer, event, parents, key });
    }
  });

const erase = (name: string): Command =>
  command(`erase ${name}`, async (model, { engine, suffix }) => {
    const task = name + suffix;
    await engine.store.log.erase(task);
    if (model.known.delete(task)) model.erased.add(task);
    model.outputs = model.outputs.filter((one) => one.task !== task);
  });

const beginAnew = (name: string): Command =>
  command(`begin ${name} anew`, async (model, { engine, suffix }) => {
    const task = name + suffix;
    if (!model.erased.delete(task)) return;
    await beginDriven(new Journal(engine), engine, task, { workflow: "flow" });
    model.known.add(task);
  });

const look = command("look", async ({ outputs }, { store, suffix }) => {
  const newest = (want: (one: Output) => boolean): string =>
    outputs.findLast(want)?.ref ?? "E_OUTPUT_NOT_FOUND";
  for (const name of NAMES.map((one) => one + suffix)) {
    expect(await refOf(store().getLatestByName(name))).toBe(newest((one) => one.producer === name));
  }
  for (const task of TASKS.map((one) => one + suffix)) {
    for (const attempt of ATTEMPTS) {
      const own = outputs.filter((one) => one.task === task && one.attempt === attempt);
      const list = await store().listForAttempt(task, attempt);
      expect(list.map(({ ref, producer, event }) => [ref, producer, event])).toEqual(
        own.map(({ ref, producer, event }) => [ref, producer, event]),
      );
      const final = own.find(({ event }) => event.type === "final")?.ref ?? "E_OUTPUT_NOT_FOUND";
      expect(await refOf(store().getFinal(task, attempt))).toBe(final);
    }
    const name = ARTIFACT + suffix;
    const isNamed = ({ event }: Output): boolean =>
      event.type === "artifact" && event.name === name;
    const here = newest((one) => one.task === task && isNamed(one));
    expect(await refOf(store().getLatestArtifact(name, { taskId: task }))).toBe(here);
  }
});

const lookOne = (back: number): Command =>
  command(`look at ${back}`, async ({ outputs }, { store }) => {
    const one = outputs.at(-1 - back);
    if (one === undefined) return;
    const { ref, task: taskId, attempt, producer, event, parents: parentRefs } = one;
    const record = { ref, taskId, attempt, producer, event, parentRefs };
    expect(await store().get(ref)).toMatchObject(record);
    const there = new Map(outputs.map((output) => [output.ref, output]));
    const up = closure(ref, (of) => there.get(of)?.parents.filter((p) => there.has(p)) ?? []);
    const down = closure(ref, (of) =>
      outputs.filter(({ parents }) => parents.includes(of)).map((child) => child.ref),
    );
    const lineage = await store().lineage(ref);
    expect(new Set(lineage.up.map((entry) => entry.ref))).toEqual(up);
    expect(new Set(lineage.down.map((entry) => entry.ref))).toEqual(down);
  });

function closure(from: string, next: (ref: string) => readonly string[]): Set<string> {
  const met = new Set([from]);
  for (const ref of met) for (const other of next(ref)) met.add(other);
  met.delete(from);
  return met;
}

const restart = command("restart", async (_, real) => real.restart());

const TASKS = ["t1", "t2"];
const NAMES = ["a", "b"];
const ATTEMPTS = [1, 2];
const ARTIFACT = "report";

const values = fc.constantFrom<unknown>(null, 0, false, "", "x".repeat(2_000), { a: [1] });
const inline = values.map((value) => ({ kind: "inline" as const, value }));
const events: fc.Arbitrary<OutputEvent> = fc.oneof(
  fc.record({ type: fc.constant("progress" as const), stage: fc.constantFrom("s", "t") }),
  fc.record({ type: fc.constant("partial" as const), chunk: values }),
  fc.record({
    type: fc.constant("artifact" as const),
    name: fc.constant(ARTIFACT),
    content: inline,
  }),
  fc.record({ type: fc.constant("final" as const), content: inline, ok: fc.boolean() }),
);

const appending: fc.Arbitrary<Appending> = fc.record({
  task: fc.constantFrom(...TASKS),
  attempt: fc.constantFrom(...ATTEMPTS),
  producer: fc.constantFrom(...NAMES),
  event: events,
  key: fc.option(fc.constantFrom("k", "l"), { nil: undefined }),
  parentsBack: fc.array(fc.nat(4), { maxLength: 2 }),
});

const commands: fc.Arbitrary<Iterable<Command>> = fc.commands(
  [
    appending.map(append),
    appending.map(append),
    appending.map(append),
    fc.nat(6).map(lookOne),
    fc.constantFrom(...TASKS).map(erase),
    fc.constantFrom(...TASKS).map(beginAnew),
    fc.constant(restart),
    fc.constant(look),
  ],
  { maxCommands: 40, size: "max" },
);

const url = sharedNatsServer();
const HISTORIES = { memory: 40, sqlite: 15, nats: 10 } as const;

describe.each(places(url))("output store against its model on %s", (name, makePlace) => {
  let place: EnginePlace;
  let engines: readonly Engine[];
  let nth = 0;
  beforeAll(async () => {
    place = await makePlace();
    engines = await Promise.all(["node-1", "node-2"].map((node) => place.open(node)));
  });
  afterAll(() => place.destroy());

  it("every history", async () => {
    const numRuns = HISTORIES[name as keyof typeof HISTORIES];
    await fc.assert(
      fc.asyncProperty(commands, async (history) => {
        const suffix = `-x${nth++}`;
        const stores = engines.map((engine) => storeNode(engine).outputs);
        let turn = 0;
        const real: Real = {
          suffix,
          engine: engines[0] as Engine,
          restart: () => {
            const at = turn % stores.length;
            stores[at] = storeNode(engines[at] as Engine).outputs;
          },
          store: () => stores[turn++ % stores.length] as OutputStore,
        };
        await fc.asyncModelRun(() => ({ model: new Model(), real }), history);
      }),
      { numRuns },
    );
  });
});

/** The engine, whose requests to the log are let through in the order that the scheduler chooses. */
function scheduled(engine: Engine, scheduler: fc.Scheduler): Engine {
  const { log } = engine.store;
  const wait = (): Promise<void> => scheduler.schedule(Promise.resolve());
  const ordered = over(log, {
    append: (frame, signal) => wait().then(() => log.append(frame, signal)),
    head: ((run: string) => wait().then(() => log.head(run))) as EventLog["head"],
  });
  return { ...engine, store: { ...engine.store, log: ordered } };
}

describe("writers at once", () => {
  it("lose nothing, double nothing, keep their order, and agree on the final", async () => {
    const ops = fc.array(
      fc.record({
        producer: fc.constantFrom("a", "b", "c"),
        kind: fc.constantFrom("plain", "plain", "keyed", "final"),
      }),
      { minLength: 1, maxLength: 10 },
    );
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), ops, async (scheduler, given) => {
        const place = await memoryPlace();
        const engines = [await place.open("node-1"), await place.open("node-2")];
        const stores = engines.map((engine) => storeNode(scheduled(engine, scheduler)).outputs);
        const taken: { ref: unknown; n: number; producer: string; kind: string }[] = [];
        const writing = given.map(async ({ producer, kind }, n) => {
          const store = stores[n % 2] as OutputStore;
          const value = kind === "keyed" ? "same" : n;
          const event: OutputEvent =
            kind === "final"
              ? { type: "final", content: { kind: "inline", value }, ok: true }
              : { type: "partial", chunk: value };
          const options = kind === "keyed" ? { key: "k" } : {};
          const ref = await codeOf(store.append("t", 1, producer, event, [], options));
          taken.push({ ref, n, producer, kind });
        });
        await scheduler.waitFor(Promise.all(writing));
        const [engine] = engines;
        const list = await storeNode(engine as Engine).outputs.listForAttempt("t", 1);
        const refs = list.map(({ ref }) => ref);
        const stored = taken.filter(({ ref }) => ref !== "E_OUTPUT_SEALED");
        expect(new Set(refs)).toEqual(new Set(stored.map(({ ref }) => ref)));
        expect(new Set(refs).size).toBe(refs.length);
        const finals = list.filter(({ event }) => event.type === "final");
        expect(finals.length).toBe(given.some(({ kind }) => kind === "final") ? 1 : 0);
        if (finals.length > 0) expect(list.at(-1)?.event.type).toBe("final");
        await place.destroy();
      }),
      { numRuns: 60 },
    );
  });
});
