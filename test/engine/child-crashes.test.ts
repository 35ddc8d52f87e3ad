/**
 * Workers are killed with SIGKILL while runs have children, or go on as others: at every append in turn, and
 * at any moment of a fan-out of a thousand. Whatever the moment: the same result, every child once.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type NatsServer, startNatsServer } from "../../scripts/nats-server.ts";
import { type Millrace, open } from "../../src/index.ts";
import { checkLog } from "../../src/testing/checks/check-log.ts";
import { family, fanOut, looping, twoCalls, twoNodes } from "./fixtures/family.ts";
import { executions } from "./kit/executions.ts";
import { until } from "./kit/scene.ts";

const at = (name: string): string => new URL(`fixtures/${name}`, import.meta.url).pathname;
function launch(args: readonly string[]): ChildProcess {
  return spawn(process.execPath, args, { stdio: ["ignore", "ignore", "inherit", "ipc"] });
}

async function logIsSound(millrace: Millrace): Promise<void> {
  const events = [];
  for (const { run } of await millrace.list({ limit: 10_000 })) {
    for await (const event of millrace.subscribe({ run })) events.push(event);
  }
  expect(checkLog(events.toSorted((a, b) => a.position - b.position || a.seq - b.seq))).toEqual([]);
}

describe("a worker that is killed", { timeout: 120_000 }, () => {
  let folder: string;
  let server: NatsServer;
  const places = () => [
    ["sqlite", `sqlite:${join(folder, "family.db")}`] as const,
    ["nats", server.url] as const,
  ];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "millrace-family-"));
    server = await startNatsServer();
  });

  afterAll(async () => {
    await server?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** One crash right before or after the n-th append, and the recovery from it. */
  async function survive(
    place: readonly [string, string],
    flow: typeof twoCalls | typeof twoNodes,
    nth: number,
    side: "before" | "after",
  ): Promise<void> {
    const [kind, address] = place;
    const namespace = `${kind}-${flow.name}-${nth}-${side}`;
    const sink = join(folder, namespace);
    const client = await open({ store: address, namespace, workflows: family, worker: false });
    await client.start(flow, sink, { id: "p" });
    const worker = launch([at("crashing-worker.ts"), address, namespace, String(nth), side]);
    const [, signal] = await once(worker, "exit");
    expect(signal, namespace).toBe("SIGKILL");
    const second = await open({ store: address, namespace, lease: "2s", workflows: family });
    expect(await second.handle("p").result({ timeoutMs: 25_000 }), namespace).toBe(42);
    expect((await second.list()).map(({ status }) => status)).toEqual(Array(3).fill("completed"));
    await logIsSound(second);
    await second.close();
    await client.close();
    const counts = [...executions(sink).values()];
    expect(counts).toHaveLength(2);
    expect(Math.max(...counts)).toBeLessThanOrEqual(2);
  }

  // Its claim, two beginnings, two claims, two ends, and its own end: these appends exist in any case.
  const APPENDS = 8;

  it("at every append of a parent with two children", async () => {
    const onPlace = async (place: readonly [string, string]): Promise<void> => {
      for (const flow of place[0] === "sqlite" ? [twoCalls, twoNodes] : [twoNodes]) {
        for (let nth = 1; nth <= APPENDS; nth++) {
          await survive(place, flow, nth, nth % 2 === 0 ? "before" : "after");
        }
      }
    };
    await Promise.all(places().map(onPlace));
  });

  it("at every append of a chain of runs, while signals come", async () => {
    const onPlace = async ([kind, address]: readonly [string, string]): Promise<void> => {
      // A claim with its step, an end, and the beginning of the next; the client begins the first.
      for (let nth = 1; nth <= 7; nth++) {
        const side = nth % 2 === 0 ? "before" : "after";
        const namespace = `${kind}-loop-${nth}-${side}`;
        const sink = join(folder, namespace);
        const client = await open({ store: address, namespace, workflows: family, worker: false });
        await client.start(looping, { sink, seen: [] }, { id: "l" });
        for (const word of ["a", "b", "c"]) await client.signal("l", "word", word, { id: word });
        const worker = launch([at("crashing-worker.ts"), address, namespace, String(nth), side]);
        await once(worker, "exit");
        const second = await open({ store: address, namespace, lease: "2s", workflows: family });
        const result = await second.handle("l").result({ timeoutMs: 25_000 });
        expect(result, namespace).toEqual(["a", "b", "c"]);
        await logIsSound(second);
        await second.close();
        await client.close();
        expect(executions(sink).size).toBe(3);
      }
    };
    await Promise.all(places().map(onPlace));
  });

  it("twice during a fan-out of a thousand", async () => {
    for (const [kind, address] of places()) {
      const namespace = `${kind}-thousand`;
      const sink = join(folder, namespace);
      const count = 1_000;
      const client = await open({ store: address, namespace, workflows: family, worker: false });
      const run = await client.start(fanOut, { sink, count, concurrency: 50 }, { id: "p" });
      for (const share of [0.25, 0.6]) {
        const worker = launch([at("family-worker.ts"), address, namespace]);
        await until("so many have worked", () => executions(sink).size >= share * count);
        worker.kill("SIGKILL");
        await once(worker, "exit");
      }
      const last = launch([at("family-worker.ts"), address, namespace]);
      try {
        expect(await run.result({ timeoutMs: 60_000 })).toBe((count * (count - 1)) / 2);
        const children = await client.list({ workflow: "part", limit: count + 1 });
        expect(children).toHaveLength(count);
        expect(children.every(({ status }) => status === "completed")).toBe(true);
      } finally {
        last.kill("SIGKILL");
        await once(last, "exit");
      }
      await logIsSound(client);
      await client.close();
      const counts = [...executions(sink).values()];
      expect(counts).toHaveLength(count);
      expect(Math.max(...counts)).toBeLessThanOrEqual(3);
    }
  });
});
