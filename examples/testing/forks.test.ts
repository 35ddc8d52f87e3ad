// Every example workflow, forked behind each of its events: the fork comes to an end of its own, and does
// nothing again that was done.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { RunStatus, Workflow } from "../../src/index.ts";
import { type Outside, type TestRuntime, testRuntime } from "../../src/testing.ts";
import { agentWith, think } from "../agent-approval.ts";
import { evaluationBy } from "../batch-evaluation.ts";
import { checkoutAt } from "../checkout.ts";
import { pipeline } from "../demo/pipeline.ts";
import { documentsWith } from "../document-etl.ts";
import { mediaAt } from "../media-pipeline.ts";
import { onboardingBy } from "../onboarding-drip.ts";
import { tripWith } from "../trip-saga.ts";

interface Subject {
  readonly name: string;
  /** The workflow, and those of its children. */
  make(outside: Outside): readonly [Workflow<never, unknown>, ...Workflow<never, unknown>[]];
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

const checkout = ({ effects, shared }: Outside) =>
  checkoutAt({
    reserve: async (count, key) => {
      const stock = shared("stock", () => ({ left: 3 }));
      if (count > stock.left) return false;
      return effects.apply("reserve", { key, detail: count });
    },
    giveBack: (count, key) => effects.apply("give-back", { key, detail: count }),
    order: (status, key) => effects.apply("order", { key, detail: status }),
    send: (order, key) => effects.apply("send", { key, detail: order }),
  });
const onboarding = ({ effects }: Outside) =>
  onboardingBy((key, user, what) => effects.apply(`${what} to ${user}`, { key }));
const evaluations = ({ effects }: Outside) => {
  const { evaluate, batch } = evaluationBy(async (key, model) => {
    await effects.apply("ask", { key, detail: model.name });
    return model.name.length;
  });
  return [batch, evaluate] as const;
};
const scratch = mkdtempSync(join(tmpdir(), "millrace-forks-"));
const paid = (runtime: TestRuntime, run: string) =>
  runtime.client.signal(run, "paid", null, { id: "p" });

const subjects: readonly Subject[] = [
  { name: "a trip", make: (outside) => [trip(outside)], input: { car: true } },
  { name: "a trip without a car", make: (outside) => [trip(outside)], input: { car: false } },
  {
    name: "a document",
    make: (outside) => [documents(outside)],
    input: { name: "a", text: "an invoice" },
  },
  {
    name: "an unreadable document",
    make: (outside) => [documents(outside)],
    input: { name: "a", text: null },
  },
  { name: "an agent", make: (outside) => [agent(outside)], input: task(50) },
  {
    name: "an agent whose payment is approved",
    make: (outside) => [agent(outside)],
    input: task(5_000),
    tell: (runtime, run) => runtime.client.approve(run, "pay-A-1", { by: "Grace", id: "yes" }),
  },
  { name: "a checkout", make: checkout, input: 2, tell: paid },
  { name: "a checkout that nobody pays", make: checkout, input: 2 },
  { name: "a checkout of more than there is", make: checkout, input: 9 },
  {
    name: "an onboarding",
    make: (outside) => [onboarding(outside)],
    input: { id: "ada", patience: "3d" },
    tell: ({ client }, run) =>
      client.signal(run, "onboarding-completed", { user: "ada" }, { id: "done" }),
  },
  {
    name: "an onboarding that is not finished",
    make: (outside) => [onboarding(outside)],
    input: { id: "ada", patience: "3d" },
  },
  {
    name: "a batch of evaluations",
    make: evaluations,
    input: {
      prompt: "why?",
      models: ["a", "b"].map((name) => ({ provider: "one", name })),
    },
  },
  { name: "a video", make: () => [mediaAt(1)], input: { video: "v" } },
  {
    name: "a report of documents",
    make: () => [pipeline],
    input: {
      dir: join(scratch, "texts"),
      report: join(scratch, "report.html"),
      executions: join(scratch, "executions"),
      paceMs: 1,
    },
  },
  {
    name: "an agent whose payment nobody approves",
    make: (outside) => [agent(outside)],
    input: task(5_000),
  },
];

beforeAll(() => {
  mkdirSync(join(scratch, "texts"));
  writeFileSync(join(scratch, "texts", "one.txt"), "every step is an actor");
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** Has what any step needs. */
const MACHINE = { cpu: 8, memory: 4_096, gpu: 1 };
const labels = { storage: "fast" };
const ENDED: readonly RunStatus[] = ["completed", "failed", "cancelled"];

it.each(subjects)("$name", async ({ make, input, tell }) => {
  await using runtime = await testRuntime({ workflows: make, resources: MACHINE, labels });
  const { client } = runtime;
  const [{ name }] = make(runtime.outside);
  const run = await client.start(name, input, { id: "run" });
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
