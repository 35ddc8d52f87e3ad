/** The embedded store between processes: killed, frozen and racing ones, all of them real. */
import { DatabaseSync } from "node:sqlite";
import { describe, expect, it } from "vitest";
import { pause } from "../../src/kernel/clock.ts";
import { seededRandom } from "../../src/kernel/random.ts";
import type { Store } from "../../src/ports/store.ts";
import {
  bodies,
  frame,
  inScratch,
  OtherProcess,
  openStore,
  put,
  readAll,
  world,
} from "./sqlite-kit.ts";

const HOUR = 3_600_000;

interface Acknowledged {
  readonly run: string;
  readonly nth: number;
  readonly position: number;
}

/** The runs that are claimable within `ms`. */
async function claimWithin({ queue }: Store, ms: number): Promise<readonly string[]> {
  const [over, done] = [new AbortController(), new AbortController()];
  const timer = pause(world.clock, ms, done.signal).then(() => over.abort());
  const claims = await queue.claim({ workflows: ["flow"], max: 10, signal: over.signal });
  done.abort();
  await timer;
  return claims.map((claim) => claim.ticket.run);
}

/**
 * Checks that the log holds what was acknowledged, at the positions that were told, and of every
 * run frames 1, 2, 3 … Returns its head.
 */
async function holdsAll({ log }: Store, acknowledged: readonly Acknowledged[]): Promise<number> {
  const positions = new Map<string, number>();
  const counts = new Map<string, number>();
  const wrong: string[] = [];
  let last = 0;
  for (const { run, position, bytes } of await readAll(log)) {
    const nth = (counts.get(run) ?? 0) + 1;
    if (Buffer.from(bytes).toString() !== `${run} ${nth}`)
      wrong.push(`${run} ${nth} at ${position}`);
    if (position <= last) wrong.push(`${position} after ${last}`);
    counts.set(run, nth);
    positions.set(`${run} ${nth}`, position);
    last = position;
  }
  for (const { run, nth, position } of acknowledged)
    if (positions.get(`${run} ${nth}`) !== position) wrong.push(`${run} ${nth} was lost`);
  expect(wrong).toEqual([]);
  return last;
}

describe("a process killed with SIGKILL", () => {
  it(
    "loses no acknowledged append and leaves no gap, 20 times in one file",
    { timeout: 120_000 },
    () =>
      inScratch(async (path) => {
        const random = seededRandom(20);
        let acknowledged = 0;
        for (let round = 1; round <= 20; round += 1) {
          await using writer = new OtherProcess("appendForEver", path, `round-${round}`);
          await writer.hears(1 + Math.floor(random.next() * 400));
          await writer.kill();
          const heard = writer.heard as readonly Acknowledged[];
          const store = await openStore(path);
          expect(await holdsAll(store, heard)).toBe(await store.log.head());
          acknowledged += heard.length;
          await put(store.log, frame(`after-${round}`, 0, `after-${round} 1`));
          await store.close();
        }
        expect(acknowledged).toBeGreaterThan(20);
        const db = new DatabaseSync(path);
        expect(db.prepare("PRAGMA integrity_check").get()).toEqual({ integrity_check: "ok" });
        db.close();
      }),
  );

  it("holds its tickets no longer, whatever their lease", () =>
    inScratch(async (path) => {
      const store = await openStore(path, { leaseMs: HOUR });
      await store.queue.offer({ workflow: "flow", run: "held" });
      await using holder = new OtherProcess("claim", path, "node-2");
      await holder.hears(1);
      expect(holder.heard).toEqual(["held"]);
      expect(await store.nodes.alive("node-2")).toBe(true);
      const waiting = claimWithin(store, 10_000);
      await holder.kill();
      expect(await waiting).toEqual(["held"]);
      expect(await store.nodes.alive("node-2")).toBe(false);
      await store.close();
    }));

  it("leaves nothing of a blob that it was putting", () =>
    inScratch(async (path) => {
      await using writer = new OtherProcess("putBlobs", path, "node-2");
      await writer.hears(2);
      const db = new DatabaseSync(path);
      const unfinished = db.prepare("SELECT count(*) AS blobs FROM blobs WHERE holder IS NOT NULL");
      while (unfinished.get()?.["blobs"] === 0) await pause(world.clock, 1);
      await writer.kill();
      const store = await openStore(path);
      await claimWithin(store, 100);
      expect(unfinished.get()).toEqual({ blobs: 0 });
      const orphans =
        "SELECT count(*) AS pieces FROM blob_pieces WHERE blob NOT IN (SELECT id FROM blobs)";
      expect(db.prepare(orphans).get()).toEqual({ pieces: 0 });
      db.close();
      await store.close();
    }));
});

describe("a frozen process", () => {
  it("keeps its tickets until the lease ends, and counts as alive", () =>
    inScratch(async (path) => {
      const store = await openStore(path, { leaseMs: HOUR });
      await store.queue.offer({ workflow: "flow", run: "held" });
      await using holder = new OtherProcess("claim", path, "node-2");
      await holder.hears(1);
      holder.freeze();
      expect(await claimWithin(store, 300)).toEqual([]);
      expect(await store.nodes.alive("node-2")).toBe(true);
      await store.close();
    }));
});

describe("two processes that append to one run with one expectation", () => {
  it("one wins each round, and both are told who", { timeout: 60_000 }, () =>
    inScratch(async (path) => {
      await using left = new OtherProcess("appendWhenTold", path, "left");
      await using right = new OtherProcess("appendWhenTold", path, "right");
      const racers = [left, right];
      await Promise.all(racers.map((racer) => racer.hears(1)));
      let expected = 0;
      for (let round = 1; round <= 100; round += 1) {
        for (const racer of racers) racer.say({ expected });
        await Promise.all(racers.map((racer) => racer.hears(round + 1)));
        const outcomes = racers.map((racer) => racer.heard[round]) as readonly {
          ok: boolean;
          position?: number;
          head?: number;
        }[];
        const winner = outcomes.find((outcome) => outcome.ok);
        const loser = outcomes.find((outcome) => !outcome.ok);
        expect(winner?.position).toBeGreaterThan(expected);
        expect(loser?.head).toBe(winner?.position);
        expected = winner?.position ?? 0;
      }
      const store = await openStore(path);
      expect(await readAll(store.log)).toHaveLength(100);
      expect(new Set(bodies(await readAll(store.log))).size).toBe(100);
      await store.close();
    }),
  );
});
