/** What is particular to the embedded store: its file. */
import { chmod, mkdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, it } from "vitest";
import { isGone, thisProcess } from "../../src/adapters/process-identity.ts";
import { bodies, encode, frame, inScratch, openStore, put, readAll } from "./sqlite-kit.ts";

const modeOf = async (path: string): Promise<string> =>
  ((await stat(path)).mode & 0o777).toString(8);

describe("the file", () => {
  it("is created for its owner only, with its folder and its companions", () =>
    inScratch(async (scratch) => {
      const path = join(dirname(scratch), "new", "deeper", "store.db");
      const store = await openStore(path);
      await put(store.log, frame("a", 0, "x"));
      expect(await modeOf(dirname(path))).toBe("700");
      for (const file of [path, `${path}-wal`, `${path}-shm`])
        expect(await modeOf(file)).toBe("600");
      await store.close();
    }));

  it("of a newer schema is refused and not changed", () =>
    inScratch(async (path) => {
      await (await openStore(path)).close();
      const db = new DatabaseSync(path);
      db.exec("PRAGMA user_version = 99");
      db.close();
      await expect(openStore(path)).rejects.toMatchObject({
        code: "E_STORE_DRIFT",
        message: expect.stringMatching(/schema version 99/),
      });
      const again = new DatabaseSync(path);
      expect(again.prepare("PRAGMA user_version").get()).toEqual({ user_version: 99 });
      again.close();
    }));

  it("of another program is refused and not changed", () =>
    inScratch(async (path) => {
      const db = new DatabaseSync(path);
      db.exec("CREATE TABLE theirs (x)");
      db.close();
      await expect(openStore(path)).rejects.toMatchObject({ code: "E_STORE_DRIFT" });
      const again = new DatabaseSync(path);
      expect(again.prepare("SELECT name FROM sqlite_schema").all()).toEqual([{ name: "theirs" }]);
      again.close();
    }));

  it("that is no database is refused and not changed", () =>
    inScratch(async (path) => {
      const text = "this is a letter, not a database ".repeat(100);
      await writeFile(path, text);
      await expect(openStore(path)).rejects.toMatchObject({ code: "E_LOG_CORRUPT" });
      expect(await readFile(path, "utf8")).toBe(text);
    }));

  it("that cannot be opened or created is E_STORE_UNAVAILABLE", () =>
    inScratch(async (path) => {
      await mkdir(path);
      await expect(openStore(path)).rejects.toMatchObject({ code: "E_STORE_UNAVAILABLE" });
      await writeFile(join(path, "file"), "");
      const below = join(path, "file", "store.db");
      await expect(openStore(below)).rejects.toMatchObject({ code: "E_STORE_UNAVAILABLE" });
    }));

  it("keeps the permissions of a file that was there", () =>
    inScratch(async (path) => {
      await writeFile(path, "");
      await chmod(path, 0o640);
      await (await openStore(path)).close();
      expect(await modeOf(path)).toBe("640");
    }));

  it("moved away while open is noticed: no append into it is acknowledged", () =>
    inScratch(async (path) => {
      const store = await openStore(path);
      await put(store.log, frame("a", 0, "x"));
      await rename(path, `${path}.moved`);
      await expect(put(store.log, frame("b", 0, "x"))).rejects.toMatchObject({
        code: "E_STORE_MISSING",
      });
      await rename(`${path}.moved`, path);
      await put(store.log, frame("c", 0, "x"));
      await store.close();
    }));
});

describe("namespaces in one file", () => {
  it("see nothing of each other, and have their own positions", () =>
    inScratch(async (path) => {
      const [left, right] = [
        await openStore(path, { namespace: "left" }),
        await openStore(path, { namespace: "right" }),
      ];
      for (let nth = 1, heads = [0, 0]; nth <= 3; nth += 1)
        heads = [
          await put(left.log, frame("a", heads[0] ?? 0, `left ${nth}`)),
          await put(right.log, frame("a", heads[1] ?? 0, `right ${nth}`)),
        ];
      expect(bodies(await readAll(left.log))).toEqual(["left 1", "left 2", "left 3"]);
      expect(bodies(await readAll(right.log))).toEqual(["right 1", "right 2", "right 3"]);
      expect([await left.log.head(), await right.log.head()]).toEqual([3, 3]);
      await right.log.erase("a");
      await put(right.log, frame("b", 0, "right 4"));
      expect(await readAll(left.log)).toHaveLength(3);
      await left.inbox.post("a", encode("hello"));
      const digest = await left.blobs.put(encode("hello"));
      await left.views.save("v", { position: 1, bytes: encode("hello") });
      await left.queue.offer({ workflow: "flow", run: "a" });
      expect(await right.inbox.read("a", 0)).toEqual([]);
      expect(await right.blobs.has(digest)).toBe(false);
      expect(await right.views.load("v")).toBeUndefined();
      const request = { workflows: ["flow"], max: 1, signal: AbortSignal.timeout(50) };
      expect(await right.queue.claim(request)).toEqual([]);
      expect(await right.nodes.alive("node-1")).toBe(true);
      await left.close();
      await right.close();
    }));
});

describe("erasing a run", () => {
  it("leaves no byte of its frames in any file, also between those of others", () =>
    inScratch(async (path) => {
      const store = await openStore(path);
      const heads = { kept: 0, gone: 0 };
      for (let nth = 1; nth <= 50; nth += 1) {
        const body = `CANARY ${nth} `.repeat(nth * 20);
        heads.gone = await put(store.log, frame("gone", heads.gone, body));
        heads.kept = await put(store.log, frame("kept", heads.kept, `kept ${nth}`));
      }
      await store.log.erase("gone");
      expect((await stat(`${path}-wal`)).size).toBe(0);
      // Closed before it is read: closing another handle of the file would drop the store's locks.
      await store.close();
      expect((await readFile(path)).includes("CANARY")).toBe(false);
      const again = await openStore(path);
      expect(await readAll(again.log)).toHaveLength(50);
      await again.close();
    }));
});

describe("a stored blob", () => {
  it("whose bytes were changed is refused with E_LOG_CORRUPT", () =>
    inScratch(async (path) => {
      const store = await openStore(path);
      const digest = await store.blobs.put(new Uint8Array(3 * 1024 * 1024).fill(7));
      const db = new DatabaseSync(path);
      db.exec("UPDATE blob_pieces SET bytes = zeroblob(length(bytes)) WHERE nth = 1");
      db.close();
      await expect(store.blobs.get(digest)).rejects.toMatchObject({ code: "E_LOG_CORRUPT" });
      await store.close();
    }));
});

describe("a process", () => {
  it("is not gone while it runs, and is when its id belongs to another", () => {
    const self = thisProcess();
    expect(isGone(self)).toBe(false);
    expect(isGone({ ...self, started: "1" })).toBe(process.platform === "linux");
    expect(isGone({ ...self, pid: 2 ** 22 + 1 })).toBe(true);
  });

  it("of another machine or container is not called gone", () => {
    expect(isGone({ ...thisProcess(), pid: 2 ** 22 + 1, scope: "elsewhere" })).toBe(false);
  });
});

describe("the store", () => {
  it("says what it is", () =>
    inScratch(async (path) => {
      const store = await openStore(path);
      expect(await store.describe()).toMatchObject({ backend: "sqlite", path, journal: "wal" });
      await store.close();
    }));

  it("refuses namespaces and nodes that are no ids", () =>
    inScratch(async (path) => {
      for (const options of [{ namespace: "a.b" }, { node: "*" }])
        await expect(openStore(path, options)).rejects.toMatchObject({ code: "E_ID_INVALID" });
    }));
});
