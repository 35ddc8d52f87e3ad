/** The contract of `ViewStore`: saved projections, of which the furthest one stays. */
import assert from "node:assert/strict";
import type { ViewStore } from "../../ports/view-store.ts";
import { assertSameBytes, decode, encode, everyByte, noise } from "./contents.ts";
import type { ContractCase } from "./contract.ts";
import { refuses } from "./event-log-contract-kit.ts";

const save = (views: ViewStore, key: string, position: number, body: string): Promise<void> =>
  views.save(key, { position, bytes: encode(body) });

/** The saved view as "position body", or undefined. */
async function saved(views: ViewStore, key: string): Promise<string | undefined> {
  const view = await views.load(key);
  return view && `${view.position} ${decode(view.bytes)}`;
}

const saving: readonly ContractCase[] = [
  {
    name: "an unknown key has nothing",
    async run(context) {
      const { views } = await context.open();
      await save(views, "runs", 1, "x");
      assert.equal(await views.load("missing"), undefined);
      assert.equal(await views.load("run"), undefined);
    },
  },
  {
    name: "a view comes back with its position and bytes",
    async run(context) {
      const { views } = await context.open();
      const bytes = everyByte();
      await views.save("runs", { position: 7, bytes });
      const view = await views.load("runs");
      assert.equal(view?.position, 7);
      assertSameBytes(view?.bytes, bytes);
    },
  },
  {
    name: "a view at position 0, one without bytes, and a position of 2^52 are kept",
    async run(context) {
      const { views } = await context.open();
      await save(views, "zero", 0, "start");
      await save(views, "empty", 5, "");
      await save(views, "far", 2 ** 52, "far");
      assert.equal(await saved(views, "zero"), "0 start");
      assert.equal(await saved(views, "empty"), "5 ");
      assert.equal(await saved(views, "far"), `${2 ** 52} far`);
    },
  },
  {
    name: "a view is loaded only if it is further than what the caller has",
    async run(context) {
      const { views } = await context.open();
      await save(views, "runs", 7, "x");
      assert.equal(await views.load("runs", 7), undefined);
      assert.equal(await views.load("runs", 8), undefined);
      assert.equal((await views.load("runs", 6))?.position, 7);
    },
  },
  {
    name: "a view of 5 MB comes back as it was, also after a smaller one and before one",
    async run(context) {
      const { views } = await context.open();
      const bytes = noise(5 * 1024 * 1024);
      await save(views, "runs", 1, "small");
      await views.save("runs", { position: 2, bytes });
      const view = await views.load("runs");
      assert.equal(view?.position, 2);
      assertSameBytes(view?.bytes, bytes);
      await save(views, "runs", 3, "small again");
      assert.equal(await saved(views, "runs"), "3 small again");
    },
  },
  {
    name: "a view with a higher or the same position replaces the saved one",
    async run(context) {
      const { views } = await context.open();
      await save(views, "runs", 5, "first");
      await save(views, "runs", 9, "second");
      assert.equal(await saved(views, "runs"), "9 second");
      await save(views, "runs", 9, "third");
      assert.equal(await saved(views, "runs"), "9 third");
    },
  },
  {
    name: "a view with a lower position changes nothing",
    async run(context) {
      const { views } = await context.open();
      await save(views, "runs", 10, "kept");
      await save(views, "runs", 9, "older");
      await save(views, "runs", 0, "oldest");
      assert.equal(await saved(views, "runs"), "10 kept");
    },
  },
  {
    name: "of a log of several partitions a view stays that is further in one and behind in none",
    requires: ["partitioned"],
    async run(context) {
      const { views } = await context.open();
      const told = async (): Promise<string> => {
        const view = await views.load("runs");
        return view === undefined ? "" : `${view.position} ${decode(view.bytes)}`;
      };
      const put = (position: readonly number[], body: string): Promise<void> =>
        views.save("runs", { position, bytes: encode(body) });
      await put([6, 4, 0], "first");
      assert.equal(await told(), "6,4,0 first");
      await put([3, 4, 0], "behind");
      assert.equal(await told(), "6,4,0 first");
      await put([6, 4, 0], "again");
      assert.equal(await told(), "6,4,0 again");
      await put([3, 7, 0], "elsewhere");
      assert.equal(await told(), "3,7,0 elsewhere");
      await put([9, 7, 5], "further\nwith a line");
      assert.equal(await told(), "9,7,5 further\nwith a line");
      await views.save("runs", { position: [9, 10, 5], bytes: new Uint8Array(1_000_000).fill(7) });
      await put([6, 10, 5], "behind a large one");
      assert.deepEqual((await views.load("runs"))?.position, [9, 10, 5]);
    },
  },
  {
    name: "of 20 concurrent saves the one with the highest position stays",
    async run(context) {
      const { views } = await context.open();
      const positions = Array.from({ length: 20 }, (_, nth) => 1 + ((nth * 7) % 20));
      await Promise.all(positions.map((at) => save(views, "runs", at, `of ${at}`)));
      assert.equal(await saved(views, "runs"), "20 of 20");
    },
  },
  {
    name: "keys that look alike are kept apart",
    async run(context) {
      const { views } = await context.open();
      const keys = ["runs", "RUNS", "runs.a", "runs_a", "runs-a", "run", "7", "k".repeat(201)];
      for (const [nth, key] of keys.entries()) await save(views, key, nth, key);
      for (const [nth, key] of keys.entries())
        assert.equal(await saved(views, key), `${nth} ${key}`);
    },
  },
  {
    name: "what is saved is a copy: neither writer nor reader can change it",
    async run(context) {
      const { views } = await context.open();
      const bytes = encode("intact");
      await views.save("runs", { position: 1, bytes });
      bytes.fill(0);
      (await views.load("runs"))?.bytes.fill(0);
      assert.equal(await saved(views, "runs"), "1 intact");
    },
  },
];

const deleting: readonly ContractCase[] = [
  {
    name: "a deleted view is gone, others are not, and deleting nothing is harmless",
    async run(context) {
      const { views } = await context.open();
      await save(views, "runs", 5, "x");
      await save(views, "runs.a", 5, "kept");
      await views.delete("runs");
      await views.delete("runs");
      await views.delete("missing");
      assert.equal(await saved(views, "runs"), undefined);
      assert.equal(await saved(views, "runs.a"), "5 kept");
    },
  },
  {
    name: "after a delete a view with a lower position can be saved",
    async run(context) {
      const { views } = await context.open();
      await save(views, "runs", 50, "old");
      await views.delete("runs");
      await save(views, "runs", 3, "rebuilt");
      assert.equal(await saved(views, "runs"), "3 rebuilt");
    },
  },
];

const lifetime: readonly ContractCase[] = [
  {
    name: "what one process saves another loads, and the furthest stays",
    requires: ["shared"],
    async run(context) {
      const { views } = await context.open();
      const { views: other } = await context.peer();
      await save(views, "runs", 5, "by one");
      assert.equal(await saved(other, "runs"), "5 by one");
      await save(other, "runs", 6, "by two");
      await save(views, "runs", 4, "late");
      assert.equal(await saved(views, "runs"), "6 by two");
    },
  },
  {
    name: "saved views are there after reopening, and still only move forward",
    requires: ["durable"],
    async run(context) {
      const store = await context.open();
      await save(store.views, "runs", 5, "x");
      const { views } = await context.reopen(store);
      await save(views, "runs", 4, "older");
      assert.equal(await saved(views, "runs"), "5 x");
    },
  },
  {
    name: "after close every call rejects with E_STORE_CLOSED",
    async run(context) {
      const { views } = await context.open();
      await save(views, "runs", 1, "x");
      await views.close();
      await refuses("E_STORE_CLOSED", save(views, "runs", 2, "late"));
      await refuses("E_STORE_CLOSED", views.load("runs"));
      await refuses("E_STORE_CLOSED", views.delete("runs"));
    },
  },
];

/** All cases about saved projections. */
export const viewStoreContract: readonly ContractCase[] = [...saving, ...deleting, ...lifetime];
