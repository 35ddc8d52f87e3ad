/** Random histories of the step-run store against a plain model of the seed's two tables. */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Engine } from "../../src/engine/engine.ts";
import { Journal } from "../../src/engine/reading/journal.ts";
import type { Json } from "../../src/kernel/json.ts";
import { StepRunStore } from "../../src/stores/step-run-store.ts";
import { sharedNatsServer } from "../support/nats-server.ts";
import { type EnginePlace, places } from "./places.ts";

const LEASE_MS = 1_000;
const STEPS = ["a", "b", "c"] as const;
const DECLARED = ["c", "b"];

interface Row {
  status: "pending" | "running" | "completed" | "failed";
  input: Json;
  output: Json;
  error: string | null;
  attempt: number;
  leaseUntil: number;
}

/** The seed, in memory: rows in the order of their insertion, and what completed in which order. */
class Model {
  readonly rows = new Map<string, Row>();
  readonly completed: string[] = [];
  now = 1_000_000;
}

interface Real {
  readonly run: string;
  readonly setTime: (now: number) => void;
  readonly restart: () => void;
  readonly store: () => StepRunStore;
}

type Command = fc.AsyncCommand<Model, Real>;

const fresh = (input: Json): Row => ({
  status: "pending",
  input,
  output: null,
  error: null,
  attempt: 0,
  leaseUntil: 0,
});

const command = (name: string, run: (model: Model, real: Real) => Promise<void>): Command => ({
  check: () => true,
  run,
  toString: () => name,
});

async function compare(model: Model, { run, store }: Real): Promise<void> {
  for (const step of STEPS) {
    const row = model.rows.get(step);
    const real = await store().getStepRun(run, step);
    expect(real?.status).toBe(row?.status);
    if (row === undefined) continue;
    const { input, output, error, attempt } = row;
    expect(real).toMatchObject({ input, output, attempt });
    expect(real?.lastError?.message ?? null).toBe(error);
  }
  expect(await store().completedSteps(run)).toEqual(model.completed);
  const outputs = model.completed.map((step) => model.rows.get(step)?.output);
  expect(await store().completedOutputs(run)).toEqual(outputs);
  const recorded = [...model.rows].map(([step, { status }]) => [step, status]);
  expect([...(await store().stepStatuses(run))]).toEqual(recorded);
  const declared = new Map<string, string>(DECLARED.map((step) => [step, "waiting"]));
  for (const [step, { status }] of model.rows) declared.set(step, status);
  expect([...(await store().stepStatuses(run, { view: "declared" }))]).toEqual([...declared]);
}

const schedule = (step: string, input: Json): Command =>
  command(`schedule ${step} ${JSON.stringify(input)}`, async (model, { run, store }) => {
    const { schedule: scheduled } = await store().scheduleStep(run, step, input);
    expect(scheduled).toBe(!model.rows.has(step));
    if (scheduled) model.rows.set(step, fresh(input));
  });

const begin = (step: string, input: Json): Command =>
  command(`begin ${step} ${JSON.stringify(input)}`, async (model, { run, store }) => {
    const row = model.rows.get(step) ?? fresh(input);
    const expired = row.status === "running" && model.now >= row.leaseUntil;
    const execute = row.status === "pending" || row.status === "failed" || expired;
    const begun = await store().beginStep(run, step, input);
    expect(begun.execute).toBe(execute);
    model.rows.set(step, row);
    if (!begun.execute) return;
    if (row.status === "failed") row.input = input;
    Object.assign(row, { status: "running", output: null, error: null });
    row.attempt++;
    row.leaseUntil = model.now + LEASE_MS;
    expect(begun.fence).toBe(row.attempt);
  });

/** `behind`: how many attempts the reporter's fence is behind the one that runs. */
const report = (step: string, behind: number, output: Json | Error): Command =>
  command(`report ${step} -${behind} ${String(output)}`, async (model, { run, store }) => {
    const failing = output instanceof Error;
    const row = model.rows.get(step);
    const fence = (row?.attempt ?? 1) - behind;
    const reporting = failing
      ? store().failStep(`${run}/${step}`, fence, output.message)
      : store().completeStep(`${run}/${step}`, fence, output);
    const code = await reporting.then(
      () => "taken",
      (error: { code: string }) => error.code,
    );
    if (row === undefined) return expect(code).toBe("E_STEP_NOT_FOUND");
    const again = failing
      ? row.status === "failed" && row.error === output.message
      : row.status === "completed" && row.output === output;
    const current = behind === 0 && row.attempt > 0;
    const taken = current && (row.status === "running" || again);
    expect(code).toBe(taken ? "taken" : "E_STALE_STEP");
    if (!taken || again) return;
    if (failing) Object.assign(row, { status: "failed", error: output.message });
    else {
      Object.assign(row, { status: "completed", output });
      model.completed.push(step);
    }
  });

const wait = (ms: number): Command =>
  command(`wait ${ms}`, async (model, real) => {
    model.now += ms;
    real.setTime(model.now);
  });

const restart = command("restart", async (_, real) => real.restart());
const look = command("look", compare);

const step = fc.constantFrom(...STEPS);
const value = fc.constantFrom<Json>(null, 0, false, "", "x", 7);
const commands = fc.commands(
  [
    fc.tuple(step, value).map(([name, input]) => schedule(name, input)),
    fc.tuple(step, value).map(([name, input]) => begin(name, input)),
    fc.tuple(step, value).map(([name, input]) => begin(name, input)),
    fc.tuple(step, fc.nat(1), value).map(([name, behind, out]) => report(name, behind, out)),
    fc
      .tuple(step, fc.nat(1), fc.constantFrom("e1", "e2"))
      .map(([name, behind, text]) => report(name, behind, new Error(text))),
    fc.constantFrom(1, LEASE_MS - 1, LEASE_MS).map(wait),
    fc.constant(restart),
    fc.constant(look),
  ],
  { maxCommands: 40 },
);

const url = sharedNatsServer();
const RUNS = { memory: 150, sqlite: 25, nats: 15 } as const;

describe.each(places(url))("step-run store against its model on %s", (name, makePlace) => {
  let place: EnginePlace;
  let engines: readonly Engine[];
  let now = 0;
  let nth = 0;
  beforeAll(async () => {
    place = await makePlace();
    engines = await Promise.all(
      ["node-1", "node-2"].map(async (node) => {
        const engine = await place.open(node);
        const clock = { ...engine.world.clock, now: () => now };
        return { ...engine, world: { ...engine.world, clock } };
      }),
    );
  });
  afterAll(() => place.destroy());

  it("every history", async () => {
    await fc.assert(
      fc.asyncProperty(commands, async (history) => {
        const run = `run-${nth++}`;
        let process = 0;
        const made = (engine: Engine): StepRunStore =>
          new StepRunStore(engine, new Journal(engine), { lease: LEASE_MS });
        // Two processes take turns; a restart forgets all that the one at work has in memory.
        const stores = engines.map(made);
        const model = new Model();
        now = model.now;
        const real: Real = {
          run,
          setTime: (time) => {
            now = time;
          },
          restart: () => {
            const at = process % stores.length;
            stores[at] = made(engines[at] as Engine);
          },
          store: () => stores[process++ % stores.length] as StepRunStore,
        };
        await real.store().createRun(run, { workflow: "flow", steps: DECLARED });
        await fc.asyncModelRun(() => ({ model, real }), history);
        await compare(model, real);
      }),
      { numRuns: RUNS[name as keyof typeof RUNS] },
    );
  });
});
