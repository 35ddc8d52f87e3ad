/** The group commit: one transaction per turn, and what happens when the store does not want it. */
import { DatabaseSync } from "node:sqlite";
import { describe, expect, it } from "vitest";
import { Database } from "../../src/adapters/sqlite/database.ts";
import { GroupCommit, type Write } from "../../src/adapters/sqlite/group-commit.ts";
import { pause } from "../../src/kernel/clock.ts";
import { MillraceError } from "../../src/kernel/errors.ts";
import { frame, inScratch, openStore, put, readAll, world } from "./sqlite-kit.ts";

/** A group commit over a file with one table, and a second connection to the file. */
async function onFile(
  work: (kit: {
    readonly commits: GroupCommit;
    readonly db: Database;
    readonly other: DatabaseSync;
    readonly insert: (value: string) => Write<number>;
    readonly values: () => readonly unknown[];
  }) => Promise<void>,
): Promise<void> {
  await inScratch(async (path) => {
    const db = new Database(path);
    db.exec("CREATE TABLE t (value TEXT NOT NULL)");
    const other = new DatabaseSync(path);
    const insertion = db.prepare("INSERT INTO t VALUES (?)");
    const insert = (value: string): Write<number> => ({
      durable: true,
      run: () => Number(insertion.run(value).changes),
    });
    const select = other.prepare("SELECT value FROM t ORDER BY rowid");
    const values = () => select.all().map((row) => row["value"]);
    const commits = new GroupCommit(db, world);
    await work({ commits, db, other, insert, values });
    await commits.close();
    other.close();
    db.close();
  });
}

describe("group commit", () => {
  it("stores the writes of one turn in one transaction, in order", () =>
    onFile(async ({ commits, insert, values }) => {
      await Promise.all(["a", "b", "c"].map((value) => commits.submit(insert(value))));
      expect(commits.transaction).toBe(1);
      await commits.submit(insert("d"));
      expect(commits.transaction).toBe(2);
      expect(values()).toEqual(["a", "b", "c", "d"]);
    }));

  it("refuses one write and stores its neighbours", () =>
    onFile(async ({ commits, insert, values }) => {
      const refusal = new MillraceError("E_RUN_ERASED", "no");
      const refused: Write<never> = {
        durable: true,
        run: () => {
          throw refusal;
        },
      };
      const outcomes = await Promise.allSettled([
        commits.submit(insert("a")),
        commits.submit(refused),
        commits.submit(insert("b")),
      ]);
      expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
      expect(outcomes[1]).toMatchObject({ reason: refusal });
      expect(values()).toEqual(["a", "b"]);
    }));

  it("a write that fails half done takes no other with it", () =>
    onFile(async ({ commits, insert, values }) => {
      const half: Write<number> = {
        durable: true,
        run: () => {
          insert("half").run();
          throw new TypeError("a mistake");
        },
      };
      const writes = [insert("a"), half, insert("b")];
      const outcomes = await Promise.allSettled(writes.map((write) => commits.submit(write)));
      expect(outcomes[1]).toMatchObject({ status: "rejected", reason: { name: "TypeError" } });
      expect(values()).toEqual(["a", "b"]);
    }));

  it("waits for the lock of another process, and loses nothing", () =>
    onFile(async ({ commits, other, insert, values }) => {
      other.exec("BEGIN IMMEDIATE");
      const writing = Promise.all(["a", "b"].map((value) => commits.submit(insert(value))));
      await pause(world.clock, 50);
      expect(values()).toEqual([]);
      other.exec("COMMIT");
      await writing;
      expect(values()).toEqual(["a", "b"]);
    }));

  it("refuses with E_STORE_UNAVAILABLE when its patience or its signal ends", () =>
    onFile(async ({ commits, other, insert, values }) => {
      other.exec("BEGIN IMMEDIATE");
      const control = new AbortController();
      const writes = [
        commits.submit({ ...insert("impatient"), patienceMs: 20 }),
        commits.submit({ ...insert("aborted"), patienceMs: 60_000, signal: control.signal }),
      ].map((write) => write.catch((error: unknown) => error));
      const patient = commits.submit(insert("patient"));
      expect(await writes[0]).toMatchObject({ code: "E_STORE_UNAVAILABLE" });
      control.abort();
      expect(await writes[1]).toMatchObject({ code: "E_STORE_UNAVAILABLE" });
      other.exec("COMMIT");
      await patient;
      expect(values()).toEqual(["patient"]);
    }));

  it("tries again while the disk is full, and goes on when there is room", () =>
    onFile(async ({ commits, db, insert, values }) => {
      const pages = Number(db.value("PRAGMA page_count"));
      db.exec(`PRAGMA max_page_count = ${pages}`);
      const large = insert("x".repeat(100_000));
      const impatient = await commits
        .submit({ ...large, patienceMs: 20 })
        .catch((error: unknown) => error);
      expect(impatient).toMatchObject({ code: "E_STORE_UNAVAILABLE", details: { fault: "disk" } });
      const patient = commits.submit(large);
      await pause(world.clock, 100);
      expect(values()).toEqual([]);
      db.exec(`PRAGMA max_page_count = ${pages + 1_000}`);
      await patient;
      expect(values()).toHaveLength(1);
    }));

  it("settles what was submitted before it closes, and refuses what comes after", () =>
    onFile(async ({ commits, insert, values }) => {
      const before = commits.submit(insert("before"));
      await commits.close();
      await before;
      expect(values()).toEqual(["before"]);
      await expect(commits.submit(insert("after"))).rejects.toMatchObject({
        code: "E_STORE_CLOSED",
      });
    }));
});

describe("an append", () => {
  it("waits as long as the store is locked, until its signal aborts", () =>
    inScratch(async (path) => {
      const store = await openStore(path);
      const other = new DatabaseSync(path);
      other.exec("BEGIN IMMEDIATE");
      const control = new AbortController();
      const given = store.log.append(frame("given-up", 0, "x"), control.signal);
      const kept = put(store.log, frame("kept", 0, "x"));
      await pause(world.clock, 50);
      control.abort();
      await expect(given).rejects.toMatchObject({ code: "E_STORE_UNAVAILABLE" });
      other.exec("ROLLBACK");
      await kept;
      expect((await readAll(store.log)).map(({ run }) => run)).toEqual(["kept"]);
      other.close();
      await store.close();
    }));
});
