/**
 * Takeover: when the process that hosts a run is killed, closed or frozen, another goes on where it
 * was. Who was only frozen notices it, stops its steps, and writes nothing more.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Millrace, open, type RecordedEvent } from "../../src/index.ts";
import { deferred } from "../../src/kernel/async.ts";
import { systemIds } from "../../src/kernel/ids.ts";
import { silentLogger } from "../../src/kernel/logger.ts";
import { systemRandom } from "../../src/kernel/random.ts";
import { openStore } from "../../src/runtime/open-store.ts";
import { checkLog } from "../../src/testing/checks/check-log.ts";
import { sharedNatsServer } from "../support/nats-server.ts";
import { relay } from "./fixtures/relay-flow.ts";
import { RESULT, tenCalls } from "./fixtures/ten-steps.ts";
import { faulty } from "./kit/faulty.ts";
import { clock, only, sleep, until } from "./kit/scene.ts";

/** What is taken over here is not found by a sweep. */
const RARELY = { sweepEvery: "1h" } as const;

const WORKER = new URL("fixtures/relay-worker.ts", import.meta.url).pathname;
const CRASHING = new URL("fixtures/crashing-worker.ts", import.meta.url).pathname;
const natsUrl = sharedNatsServer();

describe.each(["sqlite", "nats"])("takeover, on %s", (kind) => {
  let folder: string;
  let sink: string;
  let namespace: string;
  const opened: Millrace[] = [];
  const workers: ChildProcess[] = [];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "millrace-takeover-"));
    sink = join(folder, "effects");
    namespace = `takeover-${systemIds()}`;
  });

  afterEach(async () => {
    for (const worker of workers.splice(0)) {
      if (worker.exitCode === null && worker.signalCode === null && worker.kill("SIGKILL")) {
        await once(worker, "exit");
      }
    }
    await Promise.all(opened.splice(0).map((one) => one.close()));
    rmSync(folder, { recursive: true, force: true });
  });

  const address = (): string => (kind === "nats" ? natsUrl() : `sqlite:${join(folder, "db")}`);
  const effects = (): string[] =>
    existsSync(sink) ? readFileSync(sink, "utf8").trim().split("\n") : [];

  async function host(worker: boolean, node: string, lease = 10_000): Promise<Millrace> {
    const more = worker ? {} : { worker: false as const };
    const options = { store: address(), namespace, node, logger: silentLogger, lease, ...RARELY };
    const one = await open({ ...options, workflows: [relay], ...more });
    opened.push(one);
    return one;
  }

  /** A worker process whose run has come to its second step. */
  async function worker(lease: number): Promise<ChildProcess> {
    const client = await host(false, "client");
    await client.start(relay, { sink }, { id: "run" });
    const args = [WORKER, address(), namespace, String(lease)];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "inherit"] });
    workers.push(child);
    await until("it holds", () => effects().includes("hold 1"));
    return child;
  }

  async function events(millrace: Millrace): Promise<RecordedEvent[]> {
    const found: RecordedEvent[] = [];
    for await (const event of millrace.subscribe({ run: "run" })) found.push(event);
    expect(checkLog(found)).toEqual([]);
    return found;
  }

  it("of a killed process's run happens at once, and finished steps stay finished", async () => {
    const child = await worker(60_000);
    const second = await host(true, "second");
    child.kill("SIGKILL");
    await once(child, "exit");
    // Its lease would run for another minute; nobody is started, and nobody sweeps.
    expect(await second.handle("run").result({ timeoutMs: 25_000 })).toBe(3);
    expect(effects()).toEqual(["first 1", "hold 1", "hold 2", "returns 2", "last 1"]);
    const [retrying] = only(await events(second), "step.retrying");
    expect(retrying).toMatchObject({ step: "hold", attempt: 1, error: { code: "E_STEP_LOST" } });
  });

  it("of a process that died before it wrote anything happens at once as well", async () => {
    const given = deferred<void>();
    const late = faulty({
      queue: (queue) => ({ claim: (request) => given.promise.then(() => queue.claim(request)) }),
    });
    const world = { clock, random: systemRandom, ids: systemIds };
    const store = late(await openStore(address(), { namespace, node: "second", world }));
    const options = { node: "second", workflows: [tenCalls], logger: silentLogger, ...RARELY };
    const second = await open({ ...options, store, world });
    opened.push(second);
    await second.start(tenCalls, sink, { id: "run" });
    const child = spawn(process.execPath, [CRASHING, address(), namespace, "1", "before"]);
    workers.push(child);
    await once(child, "exit");
    given.resolve();
    expect(await second.handle("run").result({ timeoutMs: 25_000 })).toBe(RESULT);
    await events(second);
  });

  it("of a closed process's run happens at once, with its step aborted", async () => {
    const first = await open({
      store: address(),
      namespace,
      workflows: [relay],
      logger: silentLogger,
      lease: "1m",
      stopGrace: 1,
    });
    await first.start(relay, { sink }, { id: "run" });
    await until("it holds", () => effects().includes("hold 1"));
    const second = await host(true, "second");
    await first.close();
    expect(await second.handle("run").result({ timeoutMs: 25_000 })).toBe(3);
    expect(effects().filter((line) => line.startsWith("aborted"))).toEqual(["aborted E_FENCED"]);
    await events(second);
  });

  /** How long the lease of a process must be over, on any store, before another has its runs. */
  const LEASE_MS = 2_000;

  async function frozen(): Promise<{ child: ChildProcess; second: Millrace }> {
    const child = await worker(LEASE_MS);
    child.kill("SIGSTOP");
    const second = await host(true, "second", LEASE_MS);
    expect(await second.handle("run").result({ timeoutMs: 25_000 })).toBe(3);
    return { child, second };
  }

  // Waiting for leases takes long; what tells the frozen process is the same on every store.
  if (kind === "sqlite") {
    it("from a frozen process: it notices, and aborts its step", async () => {
      const { child, second } = await frozen();
      const before = await events(second);
      child.kill("SIGCONT");
      await until("it was told", () => effects().includes("aborted E_FENCED"));
      writeFileSync(`${sink}.go`, "");
      await until("its step has ended", () => effects().includes("returns 1"));
      await sleep(100);
      expect(await events(second)).toEqual(before);
    });
  }

  it("from a frozen process: what it still computes is not committed", async () => {
    const { child, second } = await frozen();
    const before = await events(second);
    // Its step has a result the moment it wakes up, before anything can tell it.
    writeFileSync(`${sink}.go`, "");
    child.kill("SIGCONT");
    await until("its step has ended", () => effects().includes("returns 1"));
    await sleep(100);
    expect(await events(second)).toEqual(before);
    const hosts = only(before, "run.claimed").map(({ node }) => node);
    expect(hosts).toEqual(["worker", "second"]);
    const completed = only(before, "step.completed").filter(({ step }) => step === "hold");
    expect(completed).toMatchObject([{ attempt: 2, writer: { node: "second", epoch: 2 } }]);
    expect(effects().filter((line) => line === "last 1")).toHaveLength(1);
  });
});
