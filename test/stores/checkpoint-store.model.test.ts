/** Random histories of the checkpoint store against a plain model, by two processes in turn. */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Engine } from "../../src/engine/engine.ts";
import { Journal } from "../../src/engine/reading/journal.ts";
import type { Json } from "../../src/kernel/json.ts";
import { limits } from "../../src/kernel/limits.ts";
import { CheckpointStore } from "../../src/stores/checkpoint-store.ts";
import { type DrivenStatus, drivenStatuses } from "../../src/stores/driven-status.ts";
import { sharedNatsServer } from "../support/nats-server.ts";
import { type EnginePlace, places } from "./places.ts";

interface ModelRun {
  workflow: string;
  status: DrivenStatus;
  readonly saved: { node: string; state: string; metadata: Record<string, string> }[];
  readonly events: { type: string; payload: Json; node: string | null }[];
}

/** The seed, in memory and in order. Undefined: there is no run. */
interface Model {
  run: ModelRun | undefined;
}

interface Real {
  readonly run: string;
  readonly restart: () => void;
  readonly store: () => CheckpointStore;
}

type Command = fc.AsyncCommand<Model, Real>;

const command = (name: string, run: (model: Model, real: Real) => Promise<void>): Command => ({
  check: () => true,
  run,
  toString: () => name,
});

/** What a call gives, or the code that it rejects with. */
const outcome = <T>(call: Promise<T>): Promise<T | string> =>
  call.catch((error: { code: string }) => error.code);

const text = (state: Uint8Array | undefined): string | undefined =>
  state && Buffer.from(state).toString();

async function compare({ run: known }: Model, { run, store }: Real): Promise<void> {
  const found = await store().getRun(run);
  if (known === undefined) {
    expect(found).toBeUndefined();
    expect(await store().listCheckpoints(run)).toEqual([]);
    return;
  }
  const { workflow, status, saved, events } = known;
  expect(found).toMatchObject({ workflow, status });
  expect(found).toMatchObject({ latestCheckpoint: saved.length, latestEvent: events.length });
  const metas = saved.map(({ node, state, metadata }, nth) =>
    expect.objectContaining({ node, metadata, seq: nth + 1, stateSize: state.length }),
  );
  expect(await store().listCheckpoints(run)).toEqual(metas);
}

const create = (workflow: string): Command =>
  command(`create ${workflow}`, async (model, { run, store }) => {
    const got = await outcome(store().createRun(run, workflow));
    if (model.run !== undefined && model.run.workflow !== workflow) {
      expect(got).toBe("E_RUN_CONFLICT");
      return;
    }
    model.run ??= { workflow, status: "running", saved: [], events: [] };
    expect(got).toMatchObject({ workflow, status: model.run.status });
  });

const remove = command("delete", async (model, { run, store }) => {
  expect(await store().deleteRun(run)).toBe(model.run !== undefined);
  model.run = undefined;
});

const move = (to: DrivenStatus): Command =>
  command(`set ${to}`, async ({ run: known }, { run, store }) => {
    const got = await outcome(store().updateRunStatus(run, to));
    if (known === undefined) return expect(got).toBe("E_RUN_NOT_FOUND");
    const open = known.status === "running" || known.status === "paused";
    expect(got).toBe(open || known.status === to ? undefined : "E_COMMAND_REFUSED");
    if (open) known.status = to;
  });

const save = (node: string, state: string, metadata: Record<string, string>): Command =>
  command(`save ${node} ${state.length}`, async ({ run: known }, { run, store }) => {
    const got = await outcome(store().saveCheckpoint(run, node, Buffer.from(state), metadata));
    if (known === undefined) return expect(got).toBe("E_RUN_NOT_FOUND");
    known.saved.push({ node, state, metadata });
    expect(got).toMatchObject({ node, seq: known.saved.length, metadata });
  });

const append = (type: string, payload: Json, node: string | null): Command =>
  command(`append ${type}`, async ({ run: known }, { run, store }) => {
    const event = { type, payload, ...(node === null ? {} : { node }) };
    const got = await outcome(store().appendEvent(run, event));
    if (known === undefined) return expect(got).toBe("E_RUN_NOT_FOUND");
    expect(got).toBe(known.events.push({ type, payload, node }));
  });

const load = (node: string, seq: number): Command =>
  command(`load ${node} ${seq}`, async ({ run: known }, { run, store }) => {
    const numbered = (known?.saved ?? []).map((one, nth) => ({ ...one, seq: nth + 1 }));
    const own = numbered.filter((one) => one.node === node);
    const newest = await store().loadCheckpoint(run, node);
    expect(text(newest?.state)).toBe(own.at(-1)?.state);
    const exact = await store().loadCheckpointAt(run, node, seq);
    expect(text(exact?.state)).toBe(own.find((one) => one.seq === seq)?.state);
    const upTo = own.filter((one) => one.seq <= seq).at(-1);
    const before = await store().loadCheckpointAtOrBefore(run, node, seq);
    expect([before?.seq, text(before?.state)]).toEqual([upTo?.seq, upTo?.state]);
    const listed = await store().listNodeCheckpoints(run, node);
    expect(listed.map((meta) => meta.seq)).toEqual(own.map((one) => one.seq));
  });

const page = (since: number, limit: number): Command =>
  command(`page ${since} ${limit}`, async ({ run: known }, { run, store }) => {
    const got = await store().getEvents(run, since, limit);
    const due = (known?.events ?? []).map((event, nth) => ({ ...event, seq: nth + 1 }));
    expect(got.map(({ seq, type, payload, node }) => ({ seq, type, payload, node }))).toEqual(
      due.slice(since, since + limit).map(({ seq, type, payload, node }) => ({
        seq,
        type,
        payload,
        node,
      })),
    );
  });

const restart = command("restart", async (_, real) => real.restart());
const look = command("look", compare);

const node = fc.constantFrom("a", "a/b", "*");
const small = fc.constantFrom("", "x", "state");
const state = fc.oneof(
  { weight: 9, arbitrary: small },
  { weight: 1, arbitrary: fc.constant("y".repeat(limits.valueInlineBytesMax)) },
);
const metadata = fc.constantFrom<Record<string, string>>({}, { k: "v" });
const commands = fc.commands(
  [
    fc.constantFrom("flow", "flow", "flow", "other").map(create),
    fc.constant(remove),
    fc.constantFrom(...drivenStatuses, "running" as const).map(move),
    ...Array.from({ length: 3 }, () =>
      fc.tuple(node, state, metadata).map(([name, bytes, more]) => save(name, bytes, more)),
    ),
    ...Array.from({ length: 3 }, () =>
      fc
        .tuple(fc.constantFrom("tick", "a b"), fc.constantFrom<Json>(null, 0, "p"), fc.option(node))
        .map(([type, payload, about]) => append(type, payload, about)),
    ),
    fc.tuple(node, fc.nat(8)).map(([name, seq]) => load(name, seq)),
    fc.tuple(fc.nat(5), fc.nat(3)).map(([since, limit]) => page(since, limit)),
    fc.constant(restart),
    fc.constant(look),
  ],
  { maxCommands: 50 },
);

const url = sharedNatsServer();
const RUNS = { memory: 150, sqlite: 15, nats: 10 } as const;

describe.each(places(url))("checkpoint store against its model on %s", (name, makePlace) => {
  let place: EnginePlace;
  let engines: readonly Engine[];
  let nth = 0;
  beforeAll(async () => {
    place = await makePlace();
    engines = [await place.open("node-1"), await place.open("node-2")];
  });
  afterAll(() => place.destroy());

  it("every history", async () => {
    await fc.assert(
      fc.asyncProperty(commands, async (history) => {
        const made = (engine: Engine): CheckpointStore =>
          new CheckpointStore(engine, new Journal(engine));
        const stores = engines.map(made);
        let turn = 0;
        const real: Real = {
          run: `run-${nth++}`,
          restart: () => {
            const at = turn % stores.length;
            stores[at] = made(engines[at] as Engine);
          },
          store: () => stores[turn++ % stores.length] as CheckpointStore,
        };
        const model: Model = { run: undefined };
        await create("flow").run(model, real);
        await fc.asyncModelRun(() => ({ model, real }), history);
        await compare(model, real);
      }),
      { numRuns: RUNS[name as keyof typeof RUNS] },
    );
  });
});
