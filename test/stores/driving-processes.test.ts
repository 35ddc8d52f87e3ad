/** Runs driven from real processes, of which some are killed in the middle of what they do. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Journal } from "../../src/engine/reading/journal.ts";
import { openStore } from "../../src/runtime/open-store.ts";
import { CheckpointStore } from "../../src/stores/checkpoint-store.ts";
import { StepRunStore } from "../../src/stores/step-run-store.ts";
import { sharedNatsServer } from "../support/nats-server.ts";
import { freshNamespace } from "../support/nats-store.ts";
import { engineOf, systemWorld } from "./places.ts";

const driver = fileURLToPath(new URL("fixtures/driver.ts", import.meta.url));
const url = sharedNatsServer();

interface Driver {
  readonly child: ChildProcess;
  /** The next line that it says; undefined when it has ended. */
  readonly line: () => Promise<string | undefined>;
}

describe.each(["sqlite", "nats"])("processes on %s", (name) => {
  let folder: string;
  let address: string;
  let namespace: string;
  let children: ChildProcess[];
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "millrace-driving-"));
    address = name === "nats" ? url() : `sqlite:${join(folder, "store.db")}`;
    namespace = freshNamespace();
    children = [];
  });
  afterEach(async () => {
    for (const child of children) if (child.exitCode === null) child.kill("SIGKILL");
    await rm(folder, { recursive: true });
  });

  const drive = (node: string, mode: string): Driver => {
    const child = spawn(process.execPath, [driver, address, namespace, node, mode], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    children.push(child);
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    return { child, line: async () => (await lines.next()).value };
  };
  const here = async () =>
    engineOf(await openStore(address, { namespace, node: "here", world: systemWorld }), "here");

  it("14: savers that are killed leave no half checkpoint and no gap", async () => {
    const engine = await here();
    const store = new CheckpointStore(engine, new Journal(engine));
    await store.createRun("r", "flow");
    const told: number[] = [];
    await Promise.all(
      ["one", "two"].map(async (node) => {
        const { child, line } = drive(node, "save");
        for (let nth = 0; nth < 40; nth++) told.push(Number(await line()));
        child.kill("SIGKILL");
        await once(child, "exit");
      }),
    );
    const after = new CheckpointStore(engine, new Journal(engine));
    const all = await after.listCheckpoints("r");
    expect(all.map(({ seq }) => seq)).toEqual(all.map((_, nth) => nth + 1));
    expect(new Set(told).size).toBe(told.length);
    expect(all.length).toBeGreaterThanOrEqual(told.length);
    for (const { node, seq, stateSize } of all) {
      const saved = await after.loadCheckpointAt("r", node, seq);
      expect(saved?.state.length).toBe(stateSize);
      expect(new Set(saved?.state).size).toBe(1);
    }
    expect(await after.saveCheckpoint("r", "next", new Uint8Array(1))).toMatchObject({
      seq: all.length + 1,
    });
    await engine.store.close();
  });

  it("1: each of many steps is executed by one of three processes", async () => {
    const engine = await here();
    const store = new StepRunStore(engine, new Journal(engine));
    const steps = Array.from({ length: 30 }, (_, nth) => `step-${nth}`);
    await store.createRun("r", { workflow: "flow", steps });
    const drivers = ["one", "two", "three"].map((node) => drive(node, "claim"));
    for (const { line } of drivers) expect(await line()).toBe("ready");
    const executed = await Promise.all(
      drivers.map(async ({ child, line }) => {
        child.stdin?.end(`${steps.join("\n")}\n`);
        const own: string[] = [];
        for (let step = await line(); step !== undefined; step = await line()) own.push(step);
        return own;
      }),
    );
    expect(executed.flat().sort()).toEqual([...steps].sort());
    expect([...(await store.completedSteps("r"))].sort()).toEqual([...steps].sort());
    await engine.store.close();
  });
});
