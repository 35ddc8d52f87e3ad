/**
 * Quarantine: a run whose stored frames are changed, missing or not its own is set aside as soon as
 * anybody touches it. Nothing of it runs, everything says so, and other runs go on.
 */
import { DatabaseSync } from "node:sqlite";
import { expect, it } from "vitest";
import { type Opened, openFrame, sealFrame } from "../../src/events/frame.ts";
import { graph, type Millrace, workflow } from "../../src/index.ts";
import { onStores, refusal, type Scene, sleep, until } from "./kit/scene.ts";

const executed: string[] = [];

const stages = workflow("stages", async (ctx) => {
  await ctx.run("one", () => void executed.push(`${ctx.runId} one`));
  const word = await ctx.waitFor("word");
  await ctx.run("two", () => void executed.push(`${ctx.runId} two`));
  return word;
});

const echo = graph<unknown>("echo")
  .step("only", (_ctx, input) => input)
  .build();

const options = { workflows: [stages, echo], parkAfter: 1, sweepEvery: "1h" } as const;

/** Row ids of a run's frames, first to last. */
function frames(db: DatabaseSync, run: string): number[] {
  const rows = db.prepare(
    "SELECT position FROM frames WHERE run = (SELECT id FROM runs WHERE run = ?) ORDER BY position",
  );
  return rows.all(run).map((row) => Number(row["position"]));
}

const damages: Readonly<Record<string, (db: DatabaseSync) => void>> = {
  "a flipped bit in the middle": (db) => flip(db, -2, 0.5),
  "a flipped bit in the first frame": (db) => flip(db, 0, 0.5),
  "a flipped bit at the end": (db) => flip(db, -1, 0.99),
  "a frame that is cut short": (db) => {
    const cut = "UPDATE frames SET bytes = substr(bytes, 1, length(bytes) / 2) WHERE position = ?";
    db.prepare(cut).run(frames(db, "broken").at(-2) ?? 0);
  },
  "a frame that is missing": (db) => {
    db.prepare("DELETE FROM frames WHERE position = ?").run(frames(db, "broken").at(-2) ?? 0);
  },
  "the first frame missing": (db) => {
    db.prepare("DELETE FROM frames WHERE position = ?").run(frames(db, "broken")[0] ?? 0);
  },
  "a frame of another run": (db) => {
    const steal = "UPDATE frames SET bytes = (SELECT bytes FROM frames WHERE position = ?)";
    const [own, foreign] = [frames(db, "broken").at(-1) ?? 0, frames(db, "healthy").at(-1) ?? 0];
    db.prepare(`${steal} WHERE position = ?`).run(foreign, own);
  },
  "its own frame twice": (db) => {
    const twice = "UPDATE frames SET bytes = (SELECT bytes FROM frames WHERE position = ?)";
    const [before, last] = frames(db, "broken").slice(-2);
    db.prepare(`${twice} WHERE position = ?`).run(before ?? 0, last ?? 0);
  },
  "bytes that are no frame": (db) => {
    const garbage = "UPDATE frames SET bytes = x'00ff' WHERE position = ?";
    db.prepare(garbage).run(frames(db, "broken").at(-1) ?? 0);
  },
};

function flip(db: DatabaseSync, frame: number, where: number): void {
  const position = frames(db, "broken").at(frame) ?? 0;
  const row = db.prepare("SELECT bytes FROM frames WHERE position = ?").get(position);
  const bytes = Uint8Array.from(row?.["bytes"] as Uint8Array);
  const index = Math.floor(bytes.length * where);
  bytes[index] = (bytes[index] ?? 0) ^ 1;
  db.prepare("UPDATE frames SET bytes = ? WHERE position = ?").run(bytes, position);
}

/** Two runs that wait for a word, one of them then damaged while nobody looks. */
async function damaged(
  scene: Scene,
  damage: (db: DatabaseSync) => void,
  listed = false,
): Promise<void> {
  executed.length = 0;
  const host = await scene.open(options);
  for (const id of ["healthy", "broken"]) {
    await host.start(stages, undefined, { id });
    await until(`${id} waits`, async () => (await host.get(id)).status === "parked");
  }
  // The list is saved on close, up to where it was looked at.
  if (listed) await host.list();
  await scene.close(host);
  const db = new DatabaseSync(scene.file);
  damage(db);
  db.close();
  scene.spoil("broken");
}

/** Has whoever hosts such runs look at the damaged one. */
async function touch(scene: Scene): Promise<void> {
  const { inbox, queue } = await scene.store();
  const input = { kind: "signal", id: "s", name: "word", payload: { json: "never" } };
  await inbox.post("broken", Buffer.from(JSON.stringify(input)));
  await queue.offer({ workflow: "stages", run: "broken" });
}

async function expectSetAside(millrace: Millrace): Promise<void> {
  const damage = expect.stringMatching(/^E_(FRAME_INVALID|LOG_CORRUPT)$/);
  for (const look of [
    millrace.get("broken"),
    millrace.result("broken"),
    millrace.cancel("broken"),
  ]) {
    expect(await refusal(look)).toMatchObject({ code: damage });
  }
  const following = async () => {
    for await (const event of millrace.subscribe({ run: "broken" })) if (event.seq > 1_000) break;
  };
  expect(await refusal(following())).toMatchObject({ code: damage });
}

onStores(
  "a run with",
  (scene) => {
    it.each(Object.keys(damages))("%s is set aside at first touch", async (which) => {
      await damaged(scene(), damages[which] ?? (() => undefined));
      const host = await scene().open(options);
      await touch(scene());
      await until("it shows as quarantined", async () => {
        const quarantined = await host.list({ status: "quarantined" });
        return quarantined.some(({ run }) => run === "broken");
      });
      await expectSetAside(host);
      await host.signal("healthy", "word", "on");
      expect(await host.handle("healthy").result({ timeoutMs: 25_000 })).toBe("on");
      expect(await (await host.start(echo, 1)).result()).toBe(1);
      await sleep(50);
      expect(executed.filter((line) => line === "broken two")).toEqual([]);
      expect(host.hosted).toBe(0);
    });

    it("damage shows as quarantined in another process and after a restart too", async () => {
      await damaged(scene(), damages["a frame that is missing"] ?? (() => undefined));
      const host = await scene().open(options);
      await touch(scene());
      const isListed = async (millrace: Millrace): Promise<boolean> =>
        (await millrace.list({ status: "quarantined" })).length === 1;
      await until("it shows", () => isListed(host));
      await scene().close(host);
      const other = await scene().open({ worker: false });
      expect(await isListed(other)).toBe(true);
    });

    it("damage to what a saved list has already seen is set aside as well", async () => {
      await damaged(scene(), damages["a flipped bit in the middle"] ?? (() => undefined), true);
      const host = await scene().open(options);
      expect((await host.list({ status: "parked" })).map(({ run }) => run)).toContain("broken");
      await touch(scene());
      await until("it shows as quarantined", async () => {
        return (await host.list({ status: "quarantined" })).length === 1;
      });
      expect((await host.list({ status: "parked" })).map(({ run }) => run)).toEqual(["healthy"]);
      await scene().close(host);
      const other = await scene().open({ worker: false });
      expect(await other.list({ status: "quarantined" })).toHaveLength(1);
    });

    it("an event that its machines refuse is set aside, and not offered again", async () => {
      const errors: string[] = [];
      const error = (message: string): void => void errors.push(message);
      const logger = { info: () => undefined, warn: () => undefined, error };
      await damaged(scene(), () => undefined);
      const store = await scene().store();
      let opened: Opened | undefined;
      for await (const stored of store.log.read({ run: "broken" })) {
        opened = openFrame("broken", stored.bytes);
      }
      if (opened === undefined) throw new Error("the run has no frame");
      const { frame, sum } = opened;
      const seq = frame.seq + frame.events.length;
      const events = [{ type: "step.completed", step: "two", attempt: 1, output: { json: 1 } }];
      const { bytes } = sealFrame("broken", sum, {
        ...frame,
        commit: "forged",
        seq,
        events,
      } as never);
      const expected = await store.log.head("broken");
      await store.log.append({ workflow: "stages", run: "broken", expected, bytes });
      const host = await scene().open({ ...options, sweepEvery: 10, logger });
      await touch(scene());
      await until("it was noticed", () => errors.length > 0);
      await sleep(200);
      expect(errors.length).toBeLessThanOrEqual(2);
      expect(executed.filter((line) => line === "broken two")).toEqual([]);
      expect(await refusal(host.get("broken"))).toMatchObject({ code: "E_LOG_CORRUPT" });
    });

    it("damage is not looked at again and again", async () => {
      const errors: string[] = [];
      const logger = {
        info: () => undefined,
        warn: () => undefined,
        error: (message: string) => void errors.push(message),
      };
      await damaged(scene(), damages["a flipped bit in the middle"] ?? (() => undefined), true);
      const host = await scene().open({ ...options, sweepEvery: 10, logger });
      await touch(scene());
      await until("it was noticed", () => errors.length > 0);
      await sleep(300);
      expect(errors.length).toBeLessThanOrEqual(2);
      await host.signal("healthy", "word", "on");
      expect(await host.handle("healthy").result({ timeoutMs: 25_000 })).toBe("on");
    });
  },
  ["sqlite"],
);
