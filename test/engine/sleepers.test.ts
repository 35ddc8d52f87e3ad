/**
 * Hundreds of runs asleep, whose worker is killed: none is lost, none wakes twice or too early, and while
 * they sleep nobody holds them. `bench/sleepers.ts` does the same with 10,000, and measures.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { sleepers } from "../../bench/sleepers.ts";
import { type NatsServer, startNatsServer } from "../../scripts/nats-server.ts";

const PLAN = { runs: 250, warmUp: 0, seconds: 1, nightMs: 6_000 } as const;
const NONE = { lost: 0, twice: 0, early: 0, violations: 0, hosted: 0 } as const;

it.concurrent("sleepers on sqlite survive their worker", { timeout: 120_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), "millrace-sleepers-"));
  try {
    expect(await sleepers(`sqlite:${join(folder, "s.db")}`, PLAN)).toMatchObject(NONE);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

it.concurrent("sleepers on nats survive their worker", { timeout: 120_000 }, async () => {
  const server: NatsServer = await startNatsServer();
  try {
    expect(await sleepers(server.url, PLAN)).toMatchObject(NONE);
  } finally {
    await server.stop();
  }
});
