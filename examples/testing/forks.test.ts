// Every example workflow, forked behind each of its events: the fork comes to an end of its own, and does
// nothing again that was done.
import { expect, it } from "vitest";
import type { RunStatus, Workflow } from "../../src/index.ts";
import { type Outside, type TestRuntime, testRuntime } from "../../src/testing.ts";
import { agentWith, think } from "../agent-approval.ts";
import { documentsWith } from "../document-etl.ts";
import { tripWith } from "../trip-saga.ts";

interface Subject {
  readonly name: string;
  make(outside: Outside): Workflow<never, unknown>;
  readonly input: unknown;
  /** What people and other systems tell the run; told again to each fork. */
  tell?(runtime: TestRuntime, run: string): Promise<unknown>;
}

const trip = ({ effects }: Outside) =>
  tripWith({
    book: async (place, key) => {
      await effects.apply("book", { key, detail: place });
      return place;
    },
    cancel: async (booking, key) => void (await effects.apply("cancel", { key, detail: booking })),
  });
const agent = ({ effects }: Outside) =>
  agentWith({ think, pay: (key, detail) => effects.apply("pay", { key, detail: { ...detail } }) });
const task = (amount: number) => ({ invoices: [["A-1", amount]], patience: "1h" });
const documents = ({ effects }: Outside) =>
  documentsWith({
    put: (document, why, key) => effects.apply("put", { key, detail: { document, why } }),
  });

const subjects: readonly Subject[] = [
  { name: "a trip", make: trip, input: { car: true } },
  { name: "a trip without a car", make: trip, input: { car: false } },
  { name: "a document", make: documents, input: { name: "a", text: "an invoice" } },
  { name: "an unreadable document", make: documents, input: { name: "a", text: null } },
  { name: "an agent", make: agent, input: task(50) },
  {
    name: "an agent whose payment is approved",
    make: agent,
    input: task(5_000),
    tell: (runtime, run) => runtime.client.approve(run, "pay-A-1", { by: "Grace", id: "yes" }),
  },
  { name: "an agent whose payment nobody approves", make: agent, input: task(5_000) },
];

const ENDED: readonly RunStatus[] = ["completed", "failed", "cancelled"];

it.each(subjects)("$name", async ({ make, input, tell }) => {
  await using runtime = await testRuntime({ workflows: (outside) => [make(outside)] });
  const { client } = runtime;
  const run = await client.start(make(runtime.outside).name, input, { id: "run" });
  await tell?.(runtime, run.id);
  await runtime.idle();
  const events = await runtime.run(run.id).events();
  expect(events.length).toBeGreaterThan(4);
  for (const { seq, type } of events) {
    const fork = await client.fork(run.id, { seq });
    await tell?.(runtime, fork.id).catch(String);
    await runtime.idle();
    const what = `forked behind event ${seq}, ${type}`;
    const { status } = await client.get(fork.id);
    expect(ENDED, what).toContain(status);
    const done = events
      .slice(0, seq)
      .flatMap((one) => (one.type === "step.completed" ? one.step : []));
    const begun = (await runtime.run(fork.id).events()).flatMap((one) =>
      one.type === "step.started" ? one.step : [],
    );
    expect(
      begun.filter((step) => done.includes(step)),
      what,
    ).toEqual([]);
  }
});
