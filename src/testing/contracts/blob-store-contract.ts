/** The contract of `BlobStore`: bytes by their digest. */
import assert from "node:assert/strict";
import { digest } from "../../kernel/json.ts";
import { assertSameBytes, encode, everyByte, noise } from "./contents.ts";
import type { ContractCase } from "./contract.ts";
import { refuses } from "./event-log-contract-kit.ts";

const MB = 1024 * 1024;

const roundTrip = (what: string, size: number): ContractCase => ({
  name: `${what} come back as they were, under the SHA-256 of the bytes`,
  async run(context) {
    const { blobs } = await context.open();
    const bytes = noise(size);
    const key = await blobs.put(bytes);
    assert.equal(key, digest(bytes));
    assertSameBytes(await blobs.get(key), bytes);
    assert.equal(await blobs.has(key), true);
  },
});

/** All cases about blobs. */
export const blobStoreContract: readonly ContractCase[] = [
  roundTrip("0 bytes", 0),
  roundTrip("1,000 bytes", 1_000),
  roundTrip("1 MB", MB),
  roundTrip("5 MB and a bit", 5 * MB + 17),
  {
    name: "all byte values come back as they were",
    async run(context) {
      const { blobs } = await context.open();
      const bytes = everyByte();
      assertSameBytes(await blobs.get(await blobs.put(bytes)), bytes);
    },
  },
  {
    name: "an unknown digest, or text that is none, has nothing",
    async run(context) {
      const { blobs } = await context.open();
      await blobs.put(encode("something"));
      for (const key of [
        digest("never stored"),
        "",
        "nonsense",
        "*",
        ">",
        "../escape",
        "a b",
        "'",
      ]) {
        assert.equal(await blobs.get(key), undefined, key);
        assert.equal(await blobs.has(key), false, key);
        assert.equal(await blobs.delete(key), false, key);
      }
    },
  },
  {
    name: "putting the same bytes again, also at once, gives the same digest",
    async run(context) {
      const { blobs } = await context.open();
      const bytes = noise(200_000);
      const keys = await Promise.all(Array.from({ length: 10 }, () => blobs.put(bytes)));
      keys.push(await blobs.put(bytes.slice()));
      assert.deepEqual(new Set(keys), new Set([digest(bytes)]));
      assertSameBytes(await blobs.get(digest(bytes)), bytes);
      assert.equal(await blobs.delete(digest(bytes)), true);
      assert.equal(await blobs.has(digest(bytes)), false);
    },
  },
  {
    name: "different bytes are kept apart",
    async run(context) {
      const { blobs } = await context.open();
      const contents = Array.from({ length: 20 }, (_, seed) => noise(5_000, seed + 1));
      const keys = await Promise.all(contents.map((bytes) => blobs.put(bytes)));
      for (const [nth, key] of keys.entries())
        assertSameBytes(await blobs.get(key), contents[nth] ?? new Uint8Array(0));
    },
  },
  {
    name: "delete removes, says whether it did, and the bytes can be put again",
    async run(context) {
      const { blobs } = await context.open();
      const bytes = noise(300_000);
      const key = await blobs.put(bytes);
      assert.equal(await blobs.delete(key), true);
      assert.equal(await blobs.get(key), undefined);
      assert.equal(await blobs.has(key), false);
      assert.equal(await blobs.delete(key), false);
      assert.equal(await blobs.put(bytes), key);
      assertSameBytes(await blobs.get(key), bytes);
    },
  },
  {
    name: "what is stored is a copy: neither writer nor reader can change it",
    async run(context) {
      const { blobs } = await context.open();
      const bytes = encode("intact");
      const key = await blobs.put(bytes);
      bytes.fill(0);
      (await blobs.get(key))?.fill(0);
      assertSameBytes(await blobs.get(key), encode("intact"));
    },
  },
  {
    name: "what one process puts another gets",
    requires: ["shared"],
    async run(context) {
      const { blobs } = await context.open();
      const { blobs: other } = await context.peer();
      const bytes = noise(MB);
      const key = await blobs.put(bytes);
      assertSameBytes(await other.get(key), bytes);
      assert.equal(await other.delete(key), true);
      assert.equal(await blobs.has(key), false);
    },
  },
  {
    name: "blobs are there after reopening, and deleted ones are not",
    requires: ["durable"],
    async run(context) {
      const store = await context.open();
      const bytes = noise(MB);
      const kept = await store.blobs.put(bytes);
      const gone = await store.blobs.put(encode("gone"));
      await store.blobs.delete(gone);
      const { blobs } = await context.reopen(store);
      assertSameBytes(await blobs.get(kept), bytes);
      assert.equal(await blobs.has(gone), false);
    },
  },
  {
    name: "after close every call rejects with E_STORE_CLOSED",
    async run(context) {
      const { blobs } = await context.open();
      const key = await blobs.put(encode("kept"));
      await blobs.close();
      await refuses("E_STORE_CLOSED", blobs.put(encode("late")));
      await refuses("E_STORE_CLOSED", blobs.get(key));
      await refuses("E_STORE_CLOSED", blobs.has(key));
      await refuses("E_STORE_CLOSED", blobs.delete(key));
    },
  },
];
