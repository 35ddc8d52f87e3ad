/**
 * A rolling deploy with real processes: an older and a newer version side by side, the older one drained, what
 * it leaves behind said, checked, moved, and gone on with.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Millrace, open } from "../../src/index.ts";
import { systemIds } from "../../src/kernel/ids.ts";
import { silentLogger } from "../../src/kernel/logger.ts";
import { until } from "../engine/kit/scene.ts";
import { sharedNatsServer } from "../support/nats-server.ts";
import { command, type Started, start } from "./command.ts";
import { order as order1 } from "./fixtures/order-1.ts";
import { order as order2 } from "./fixtures/order-2.ts";

const file = (name: string): string =>
  fileURLToPath(new URL(`fixtures/${name}.ts`, import.meta.url));

const natsUrl = sharedNatsServer();

describe.each(["sqlite", "nats"])("a rolling deploy, on %s", (kind) => {
  const namespace = `deploy-${systemIds()}`;
  let folder: string;
  let client: Millrace;
  let flags: readonly string[];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "millrace-deploy-"));
    const store = kind === "nats" ? natsUrl() : `sqlite:${join(folder, "db")}`;
    flags = ["--store", store, "--namespace", namespace];
    client = await open({ store, namespace, worker: false, logger: silentLogger });
  });

  afterAll(async () => {
    await client?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const worker = async (version: string): Promise<Started> => {
    const started = start(["worker", file(version), ...flags]);
    await started.says("hosts order");
    return started;
  };
  const waitsOf = async (run: string): Promise<string[]> =>
    (await client.explain(run)).waits.map(({ what }) => what);

  it("leaves no run behind that nobody knows of", async () => {
    const [old, young] = await Promise.all([worker("order-1"), worker("order-2")]);
    await Promise.all([
      ...["a", "b"].map((id) => client.start(order1, id, { id })),
      client.start(order2, "c", { id: "c" }),
    ]);
    for (const run of ["a", "b", "c"]) {
      await until(`${run} waits`, async () =>
        (await waitsOf(run)).includes("waits for signal paid"),
      );
    }
    const versions = (await client.nodes()).flatMap((node) => node.versions ?? []);
    expect(versions.map(({ label }) => label).sort()).toEqual(["1", "2"]);

    old.child.kill("SIGTERM");
    expect((await old.done).code).toBe(0);
    for (const run of ["a", "b"]) await client.signal(run, "paid", "cash");
    for (const run of ["a", "b"]) {
      await until(`${run} says so`, async () => (await client.get(run)).parkedError !== null);
      expect(await waitsOf(run)).toEqual([
        "waits for signal paid",
        "no process that is up has version 1 of workflow order",
      ]);
    }

    const broken = await command(["check-upgrade", file("order-2-broken"), "--json", ...flags]);
    expect(broken.code).toBe(1);
    expect(JSON.parse(broken.stdout)).toMatchObject({
      checked: 3,
      breaks: [{ run: "c", what: "step reserve" }],
      stays: [{ migrates: false }, { migrates: false }],
    });
    const fine = await command(["check-upgrade", file("order-2"), ...flags]);
    expect(fine).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/\ba +order +1 .*waits .*it can be moved to version 2/),
      stderr: expect.stringContaining("3 runs: 1 go on, 2 wait for their version, 0 break"),
    });

    const moved = await command(["migrate", "a", file("order-2"), ...flags]);
    expect(moved.stdout).toBe("run a goes on with version 2 of workflow order\n");
    expect(await client.result("a")).toBe("a cash, by 2 with thanks");
    const again = await worker("order-1");
    expect(await client.result("b")).toBe("b cash, by 1");
    for (const { child, done } of [again, young]) {
      child.kill("SIGTERM");
      expect((await done).code).toBe(0);
    }
  });
});
