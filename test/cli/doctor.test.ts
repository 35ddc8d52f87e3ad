/**
 * `millrace doctor` on every kind of store: facts, all contract cases, and nothing left behind. The
 * cases themselves are tested with the adapters; here a store that cannot pass them must be reported.
 */
import { readdir } from "node:fs/promises";
import { dirname } from "node:path";
import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { afterAll, describe, expect, it } from "vitest";
import { type NatsServer, startNatsServer } from "../../scripts/nats-server.ts";
import { examine, totals } from "../../src/cli/examination.ts";
import { sharedNatsServer } from "../support/nats-server.ts";
import { freshNamespace } from "../support/nats-store.ts";
import { millrace, scratchStore, start } from "./command.ts";

/** All cases, with time for a busy machine. */
const PATIENCE = { timeout: 240_000 };

interface Report {
  readonly store: string;
  readonly facts: Readonly<Record<string, unknown>>;
  readonly scratch: string;
  readonly contracts: {
    readonly total: number;
    readonly passed: number;
    readonly failed: number;
    readonly notApplicable: number;
    readonly failures: readonly { port: string; case: string; message: string }[];
  };
}

const folderOf = (store: string): string => dirname(store.slice("sqlite:".length));

async function streamsOf(url: string): Promise<string[]> {
  const connection = await connect({ servers: url });
  try {
    const names: string[] = [];
    const manager = await jetstreamManager(connection);
    for await (const stream of manager.streams.list()) names.push(stream.config.name);
    return names;
  } finally {
    await connection.close();
  }
}

describe.concurrent("millrace doctor", () => {
  const url = sharedNatsServer();

  it("passes a SQLite file and removes its scratch files", PATIENCE, async () => {
    const store = await scratchStore();
    const { code, stdout, stderr } = await millrace(["doctor", "--store", store]);
    expect(stderr).toBe("");
    expect(stdout).not.toMatch(/^failed: /m);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^durability +full sync: /m);
    expect(stdout).toMatch(/^version +3\.\d+/m);
    expect(stdout).toMatch(/^running the contract cases in .*\.doctor-\w+$/m);
    expect(stdout).toMatch(/^ {2}event log +(\d+)\/\1$/m);
    expect(stdout.trimEnd()).toMatch(/\n\d+ passed, 0 failed, 0 not applicable in \S+$/);
    expect(await readdir(folderOf(store))).toEqual(["runs.db"]);
  });

  it("passes a NATS server and deletes its scratch namespaces", PATIENCE, async () => {
    const namespace = freshNamespace();
    const args = ["doctor", "--store", url(), "--namespace", namespace, "--json"];
    const { code, stdout } = await millrace(args);
    const report = JSON.parse(stdout) as Report;
    expect(report.contracts.failures).toEqual([]);
    expect(code).toBe(0);
    expect(report.contracts.passed).toBe(report.contracts.total);
    expect(report.facts).toMatchObject({
      server: { version: expect.stringMatching(/^2\.\d+/) },
      jetstream: { limits: expect.objectContaining({ max_streams: -1 }) },
      durability: { storage: "file", replicas: 1 },
    });
    const left = await streamsOf(url());
    expect(left.filter((name) => name.includes("doctor-"))).toEqual([]);
    expect(left.filter((name) => name.includes(namespace))).toHaveLength(7);
  });

  it("says which cases mean nothing for a store in memory", PATIENCE, async () => {
    const args = ["doctor", "--store", "sqlite::memory:", "--json"];
    const { code, stdout } = await millrace(args);
    const { contracts } = JSON.parse(stdout) as Report;
    expect(contracts).toMatchObject({ failed: 0, failures: [] });
    expect(code).toBe(0);
    expect(contracts.notApplicable).toBeGreaterThan(0);
    expect(contracts.passed + contracts.notApplicable).toBe(contracts.total);
  });

  it("cleans up when it is interrupted", PATIENCE, async () => {
    const store = await scratchStore();
    const doctor = start(["doctor", "--store", store]);
    await doctor.says("running the contract cases");
    doctor.child.kill("SIGINT");
    const { code, stdout, stderr } = await doctor.done;
    expect(stderr).toMatch(/^SIGINT: cleaning up; once more leaves .*\.doctor-\w+ behind$/m);
    expect(stdout).toMatch(/ \d+ not run in \S+\n$/);
    expect(code).toBe(130);
    expect(await readdir(folderOf(store))).toEqual(["runs.db"]);
  });
});

describe("millrace doctor on a server that grants too little", () => {
  let server: NatsServer | undefined;
  afterAll(() => server?.stop());

  it("reports every failed case, exits with 1, and shows no password", PATIENCE, async () => {
    const user = 'users: [{ user: "me", password: "s3cret" }]';
    const config = `accounts { A { ${user}, jetstream: { max_streams: 7 } } }`;
    server = await startNatsServer({ config });
    const store = `nats://me:s3cret@127.0.0.1:${server.port}`;
    const text = await millrace(["doctor", "--store", store]);
    expect(text.code).toBe(1);
    expect(text.stdout).toMatch(/^failed: event log: .*\n {2}\S+: .*maximum number/m);
    expect(text.stdout).toMatch(/^jetstream\.limits\.max_streams +7$/m);
    expect(text.stdout.trimEnd()).toMatch(/\n0 passed, \d+ failed, 0 not applicable in \S+$/);
    const json = await millrace(["doctor", "--store", store, "--json"]);
    expect(json.code).toBe(1);
    const report = JSON.parse(json.stdout) as Report;
    expect(report.store).toBe(`nats://***@127.0.0.1:${server.port}`);
    expect(report.contracts.failures).toHaveLength(report.contracts.total);
    for (const { stdout, stderr } of [text, json]) expect(stdout + stderr).not.toContain("s3cret");
  });
});

describe("examine", () => {
  it("runs cases in order, counts them per port, and stops when it is told to", async () => {
    const ran: string[] = [];
    const entry = (port: string, name: string, outcome: "passed" | "not applicable" | Error) => ({
      port,
      name,
      run: async () => {
        ran.push(name);
        if (outcome instanceof Error) throw outcome;
        return outcome;
      },
    });
    const wrong = new Error("wrong");
    const cases = [
      entry("inbox", "a", "passed"),
      entry("inbox", "b", wrong),
      entry("queue", "c", "not applicable"),
      entry("queue", "d", "passed"),
    ];
    const options = { atOnce: 1, onCase: () => undefined, isStopped: () => ran.length === 3 };
    const examination = await examine(cases, options);
    expect(ran).toEqual(["a", "b", "c"]);
    expect(examination.failures).toEqual([{ port: "inbox", name: "b", error: wrong }]);
    expect(totals(examination)).toEqual({ total: 4, passed: 1, failed: 1, notApplicable: 1 });
  });
});
