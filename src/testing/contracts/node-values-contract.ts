/** The contract of `NodeValues`: bytes that live on a node and end with it. */
import assert from "node:assert/strict";
import { digest as digestOf } from "../../kernel/json.ts";
import type { NodeValues } from "../../ports/node-values.ts";
import { assertSameBytes, encode, noise } from "./contents.ts";
import type { ContractCase } from "./contract.ts";
import { all, refuses } from "./event-log-contract-kit.ts";

const MiB = 1024 * 1024;

/** `count` pieces that differ from each other, with sizes that fit no power of two. */
function* pieces(count: number, size: number): Generator<Uint8Array, void, undefined> {
  for (let nth = 0; nth < count; nth += 1) {
    yield noise(size + nth, nth + 1);
  }
}

/** What a node gives for a digest; undefined when it has nothing. */
async function read(
  values: NodeValues,
  node: string,
  digest: string,
): Promise<Uint8Array | undefined> {
  const parts = await piecesOf(values, node, digest);
  return parts && Buffer.concat(parts);
}

async function piecesOf(
  values: NodeValues,
  node: string,
  digest: string,
): Promise<readonly Uint8Array[] | undefined> {
  const found = await values.read(node, digest);
  return found && all(found);
}

const roundTrip = (what: string, count: number, size: number): ContractCase => ({
  name: `${what} come back as they were, to their node and to others`,
  requires: ["shared"],
  async run(context) {
    const bytes = Buffer.concat([...pieces(count, size)]);
    const one = await context.open("node-1");
    const two = await context.peer("node-2");
    const kept = await one.values.keep(pieces(count, size));
    assert.deepEqual(kept, { digest: digestOf(bytes), bytes: bytes.length });
    for (const { values } of [one, two]) {
      assertSameBytes(await read(values, "node-1", kept.digest), bytes);
      const parts = await piecesOf(values, "node-1", kept.digest);
      assert.ok(
        parts?.every((part) => part.length <= MiB),
        "a piece is larger than 1 MiB",
      );
    }
  },
});

/** All cases about values of nodes. */
export const nodeValuesContract: readonly ContractCase[] = [
  roundTrip("no bytes", 0, 0),
  roundTrip("a few bytes", 1, 3),
  roundTrip("many small pieces", 2_000, 10),
  roundTrip("3 pieces of 2 MB", 3, 2 * MiB),
  {
    name: "a value is kept by the node that kept it, and no other",
    requires: ["shared"],
    async run(context) {
      const one = await context.open("node-1");
      const two = await context.peer("node-2");
      const { digest } = await one.values.keep([encode("something")]);
      for (const { values } of [one, two]) {
        assert.equal(await values.read("node-2", digest), undefined);
        assert.equal(await values.read("node-1", digestOf("never kept")), undefined);
      }
    },
  },
  {
    name: "text that is no digest has nothing",
    async run(context) {
      const { values } = await context.open("node-1");
      await values.keep([encode("something")]);
      for (const text of ["", "nonsense", "*", ">", "../owner.json", "a b", "."]) {
        assert.equal(await values.read("node-1", text), undefined, text);
        assert.equal(await values.drop(text), false, text);
      }
    },
  },
  {
    name: "a node that never was is gone",
    async run(context) {
      const { values } = await context.open("node-1");
      await refuses("E_NODE_GONE", values.read("nobody", digestOf("x")));
    },
  },
  {
    name: "with its node a value is gone",
    requires: ["shared"],
    async run(context) {
      const one = await context.open("node-1");
      const two = await context.peer("node-2");
      const { digest } = await one.values.keep([encode("something")]);
      assertSameBytes(await read(two.values, "node-1", digest), encode("something"));
      await one.close();
      await refuses("E_NODE_GONE", read(two.values, "node-1", digest));
    },
  },
  {
    name: "a node that comes back under its name has nothing of what it had",
    requires: ["durable"],
    async run(context) {
      const one = await context.open("node-1");
      const { digest } = await one.values.keep([encode("something")]);
      const again = await context.reopen(one);
      assert.equal(await again.values.read("node-1", digest), undefined);
    },
  },
  {
    name: "dropped is gone, once; kept again is there again",
    async run(context) {
      const { values } = await context.open("node-1");
      const { digest } = await values.keep([encode("something")]);
      assert.equal(await values.drop(digest), true);
      assert.equal(await values.drop(digest), false);
      assert.equal(await values.read("node-1", digest), undefined);
      await values.keep([encode("some"), encode("thing")]);
      assertSameBytes(await read(values, "node-1", digest), encode("something"));
    },
  },
  {
    name: "the same bytes kept many times at once are one value",
    async run(context) {
      const { values } = await context.open("node-1");
      const keeps = Array.from({ length: 8 }, () => values.keep(pieces(3, 1_000)));
      const digests = new Set((await Promise.all(keeps)).map((kept) => kept.digest));
      assert.equal(digests.size, 1);
      const [digest = ""] = digests;
      assert.equal(await values.drop(digest), true);
      assert.equal(await values.drop(digest), false);
    },
  },
  {
    name: "what the pieces throw is thrown on, and nothing is kept",
    async run(context) {
      const { values } = await context.open("node-1");
      const failing = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
        yield encode("half");
        throw new Error("no more");
      };
      await assert.rejects(values.keep(failing()), /no more/);
      assert.equal(await values.read("node-1", digestOf("half")), undefined);
    },
  },
  {
    name: "kept bytes belong to the store, read bytes to the reader",
    async run(context) {
      const { values } = await context.open("node-1");
      const bytes = encode("something");
      const { digest } = await values.keep([bytes]);
      bytes.fill(0);
      for (const piece of (await piecesOf(values, "node-1", digest)) ?? []) piece.fill(1);
      assertSameBytes(await read(values, "node-1", digest), encode("something"));
    },
  },
  {
    name: "a reading can be given up",
    requires: ["shared"],
    async run(context) {
      const one = await context.open("node-1");
      const two = await context.peer("node-2");
      const { digest } = await one.values.keep(pieces(4, MiB));
      for (const { values } of [one, two]) {
        for await (const first of (await values.read("node-1", digest)) ?? []) {
          assert.ok(first.length > 0);
          break;
        }
      }
      assert.equal(await one.values.drop(digest), true);
    },
  },
  {
    name: "after close every call is refused",
    async run(context) {
      const store = await context.open("node-1");
      const { digest } = await store.values.keep([encode("something")]);
      await store.close();
      await refuses("E_STORE_CLOSED", store.values.keep([]));
      await refuses("E_STORE_CLOSED", store.values.read("node-1", digest));
      await refuses("E_STORE_CLOSED", store.values.drop(digest));
    },
  },
];
