/**
 * A worker is killed with SIGKILL at every append of a run in turn, right before it and right after
 * it, and another finishes the run. Whatever the moment: the same result, nothing that was committed
 * is computed again, and no step is executed more often than its crashes explain.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type NatsServer, startNatsServer } from "../../scripts/nats-server.ts";
import { type Millrace, open, type RecordedEvent } from "../../src/index.ts";
import { RESULT, STEPS, tenCalls, tenNodes } from "./fixtures/ten-steps.ts";
import { executions } from "./kit/executions.ts";

const WORKER = new URL("fixtures/crashing-worker.ts", import.meta.url).pathname;

async function crash(
  address: string,
  namespace: string,
  at: number,
  side: string,
): Promise<boolean> {
  const args = [WORKER, address, namespace, String(at), side];
  const worker = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "inherit"] });
  const [, signal] = await once(worker, "exit");
  return signal === "SIGKILL";
}

async function eventsOf(millrace: Millrace, run: string): Promise<RecordedEvent[]> {
  const events: RecordedEvent[] = [];
  for await (const event of millrace.subscribe({ run })) events.push(event);
  return events;
}

interface Round {
  readonly address: string;
  readonly namespace: string;
  readonly folder: string;
  readonly workflow: "ten-calls" | "ten-nodes";
  readonly at: number;
  readonly side: "before" | "after";
}

/** One crash, one recovery. Gives the number of frames that the run has in the end. */
async function survive(round: Round): Promise<number> {
  const { address, namespace, folder, at, side } = round;
  const name = `${round.workflow}-${at}-${side}`;
  const sink = join(folder, `${namespace}-${name}`);
  const lease = "2s";
  const client = await open({
    store: address,
    namespace,
    workflows: [tenCalls, tenNodes],
    worker: false,
  });
  await client.start(round.workflow, sink, { id: name });
  const killed = await crash(address, namespace, at, side);
  const before = executions(sink);
  const committed = new Set<string>();
  for (const step of (await client.get(name)).steps) {
    if (step.status === "completed") committed.add(`${name}/${step.step}`);
  }
  await client.close();

  const second = await open({ store: address, namespace, lease, workflows: [tenCalls, tenNodes] });
  expect(await second.handle(name).result({ timeoutMs: 25_000 })).toBe(RESULT);
  const events = await eventsOf(second, name);
  await second.close();

  expect(killed).toBe(true);
  expect(events.map((event) => event.seq)).toEqual(events.map((_, index) => index + 1));
  const after = executions(sink);
  expect(after.size).toBe(STEPS);
  for (const [key, count] of after) {
    expect(count, `executions of ${key}`).toBeLessThanOrEqual(2);
    if (committed.has(key)) expect(count, `${key} was committed`).toBe(before.get(key));
  }
  const completed = events.filter((event) => event.type === "step.completed");
  expect(new Set(completed.map((event) => event.step)).size).toBe(completed.length);
  return new Set(events.map((event) => event.position)).size;
}

/** Every boundary: the appends that the worker makes when nothing goes wrong, and one side each. */
async function surviveAll(round: Omit<Round, "at" | "side">, appends: number): Promise<void> {
  for (let at = 1; at <= appends; at++) {
    for (const side of ["before", "after"] as const) {
      // After its last append the run has ended: the worker lives on, and there is nothing to recover.
      await survive({ ...round, at, side });
    }
  }
}

describe("a worker killed at every boundary of a ten-step run", { timeout: 120_000 }, () => {
  let folder: string;
  let server: NatsServer;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "millrace-crash-"));
    server = await startNatsServer();
  });

  afterAll(async () => {
    await server?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  // The claim with the first step; each completion with the next step; the last with the end.
  const CALLS = 1 + STEPS;

  it("sqlite, a workflow in code", async () => {
    const address = `sqlite:${join(folder, "calls.db")}`;
    await surviveAll({ address, namespace: "sqlite-calls", folder, workflow: "ten-calls" }, CALLS);
  });

  it("nats, a workflow in code", async () => {
    await surviveAll(
      { address: server.url, namespace: "nats-calls", folder, workflow: "ten-calls" },
      CALLS,
    );
  });

  // Two roots may end in one frame or in two, and so may items: these boundaries exist in any case.
  const NODES = 4;

  it("sqlite, a graph with a fan-out", async () => {
    const address = `sqlite:${join(folder, "nodes.db")}`;
    await surviveAll({ address, namespace: "sqlite-nodes", folder, workflow: "ten-nodes" }, NODES);
  });

  it("nats, a graph with a fan-out", async () => {
    await surviveAll(
      { address: server.url, namespace: "nats-nodes", folder, workflow: "ten-nodes" },
      NODES,
    );
  });
});
