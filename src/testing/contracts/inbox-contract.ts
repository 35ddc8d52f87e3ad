/** The contract of `Inbox`: posting, reading, watching, discarding. */
import assert from "node:assert/strict";
import { addressOfNode } from "../../ports/inbox.ts";
import { assertSameBytes, decode, encode, everyByte, noise } from "./contents.ts";
import type { ContractCase } from "./contract.ts";
import { refuses } from "./event-log-contract-kit.ts";
import { bodies, bodiesOf, positionsOf, postMany, watching } from "./inbox-contract-kit.ts";
import { inboxWatchContract } from "./inbox-watch-contract.ts";

const posting: readonly ContractCase[] = [
  {
    name: "positions are positive integers and increase strictly over all runs",
    async run(context) {
      const { inbox } = await context.open();
      const positions = [...(await postMany(inbox, "a", 3)), ...(await postMany(inbox, "b", 2))];
      assert.ok(positions.every((position) => Number.isSafeInteger(position) && position > 0));
      assert.deepEqual(
        positions,
        [...new Set(positions)].sort((left, right) => left - right),
      );
    },
  },
  {
    name: "a run that nobody has heard of can be posted to",
    async run(context) {
      const { inbox, log } = await context.open();
      await inbox.post("future", encode("hello"));
      assert.deepEqual(bodiesOf(await inbox.read("future", 0)), ["hello"]);
      assert.equal(await log.head("future"), 0);
    },
  },
  {
    name: "a read gives the run's inputs in order, and no others",
    async run(context) {
      const { inbox } = await context.open();
      const posted = await postMany(inbox, "a", 3);
      await postMany(inbox, "b", 2);
      const got = await inbox.read("a", 0);
      assert.deepEqual(bodiesOf(got), bodies("a", 3));
      assert.deepEqual(positionsOf(got), posted);
      assert.deepEqual(await inbox.read("missing", 0), []);
    },
  },
  {
    name: "a read gives only inputs past `after`",
    async run(context) {
      const { inbox } = await context.open();
      const [first = 0, second = 0, third = 0] = await postMany(inbox, "a", 3);
      assert.deepEqual(positionsOf(await inbox.read("a", first)), [second, third]);
      assert.deepEqual(await inbox.read("a", third), []);
      assert.deepEqual(await inbox.read("a", third + 1_000), []);
    },
  },
  {
    name: "the same bytes posted twice are two inputs",
    async run(context) {
      const { inbox } = await context.open();
      const first = await inbox.post("a", encode("same"));
      assert.ok((await inbox.post("a", encode("same"))) > first);
      assert.deepEqual(bodiesOf(await inbox.read("a", 0)), ["same", "same"]);
    },
  },
  {
    name: "100 concurrent posts are all kept, each at its own position",
    async run(context) {
      const { inbox } = await context.open();
      const posts = bodies("a", 100).map(async (body) => ({
        position: await inbox.post("a", encode(body)),
        body,
      }));
      const posted = (await Promise.all(posts)).sort(
        (left, right) => left.position - right.position,
      );
      const got = await inbox.read("a", 0);
      assert.deepEqual(
        got.map(({ position, bytes }) => ({ position, body: decode(bytes) })),
        posted,
      );
    },
  },
  {
    name: "all byte values, no bytes, and 256 KiB come back as they were",
    async run(context) {
      const { inbox } = await context.open();
      const contents = [everyByte(), new Uint8Array(0), noise(256 * 1024)];
      const watcher = await watching(context, inbox, "a");
      for (const bytes of contents) await inbox.post("a", bytes);
      await watcher.heardAll(3);
      const got = await inbox.read("a", 0);
      for (const [nth, bytes] of contents.entries()) {
        assertSameBytes(got[nth]?.bytes, bytes);
        assertSameBytes(watcher.heard[nth]?.bytes, bytes);
      }
    },
  },
  {
    name: "an input is a copy: neither poster nor reader can change it",
    async run(context) {
      const { inbox } = await context.open();
      const watcher = await watching(context, inbox, "a");
      const bytes = encode("intact");
      await inbox.post("a", bytes);
      bytes.fill(0);
      await watcher.heardAll(1);
      for (const input of [...watcher.heard, ...(await inbox.read("a", 0))]) input.bytes.fill(0);
      assert.deepEqual(bodiesOf(await inbox.read("a", 0)), ["intact"]);
    },
  },
  {
    name: "what one process posts another reads",
    requires: ["shared"],
    async run(context) {
      const { inbox } = await context.open();
      const { inbox: other } = await context.peer();
      await postMany(inbox, "a", 2);
      assert.deepEqual(bodiesOf(await other.read("a", 0)), bodies("a", 2));
    },
  },
];

const discarding: readonly ContractCase[] = [
  {
    name: "discard removes a run's inputs up to and including a position, and no others",
    async run(context) {
      const { inbox } = await context.open();
      const [first = 0, second = 0] = await postMany(inbox, "a", 2);
      const [third = 0] = await postMany(inbox, "b", 1);
      const fourth = await inbox.post("a", encode("a 3"));
      await inbox.discard("a", first);
      assert.deepEqual(positionsOf(await inbox.read("a", 0)), [second, fourth]);
      await inbox.discard("a", third);
      assert.deepEqual(positionsOf(await inbox.read("a", 0)), [fourth]);
      assert.deepEqual(positionsOf(await inbox.read("b", 0)), [third]);
    },
  },
  {
    name: "discarding again, nothing, or from a missing run is harmless",
    async run(context) {
      const { inbox } = await context.open();
      const [first = 0] = await postMany(inbox, "a", 2);
      await inbox.discard("a", 0);
      assert.equal((await inbox.read("a", 0)).length, 2);
      await inbox.discard("a", first);
      await inbox.discard("a", first);
      await inbox.discard("missing", first);
      assert.equal((await inbox.read("a", 0)).length, 1);
    },
  },
  {
    name: "positions of discarded inputs are not given again, and watchers go on",
    async run(context) {
      const { inbox } = await context.open();
      const watcher = await watching(context, inbox, "a");
      const last = (await postMany(inbox, "a", 3)).at(-1) ?? 0;
      await inbox.discard("a", last);
      assert.deepEqual(await inbox.read("a", 0), []);
      const next = await inbox.post("a", encode("next"));
      assert.ok(next > last);
      await watcher.heardAll(4);
      assert.deepEqual(positionsOf(await inbox.read("a", last)), [next]);
    },
  },
];

const nodes: readonly ContractCase[] = [
  {
    name: "the inbox of a node is another than that of a run of its name",
    requires: ["shared"],
    async run(context) {
      const { inbox } = await context.open();
      const { inbox: other } = await context.peer();
      const [node, run] = [addressOfNode("a"), "a"];
      const watchers = {
        node: await watching(context, other, node),
        run: await watching(context, other, run),
      };
      const toNode = await inbox.post(node, encode("to the node"));
      const toRun = await inbox.post(run, encode("to the run"));
      await watchers.node.heardAll(1);
      await watchers.run.heardAll(1);
      assert.deepEqual(bodiesOf(watchers.node.heard), ["to the node"]);
      assert.deepEqual(bodiesOf(watchers.run.heard), ["to the run"]);
      assert.deepEqual(positionsOf(await other.read(node, 0)), [toNode]);
      await other.discard(node, Math.max(toNode, toRun));
      assert.deepEqual(positionsOf(await inbox.read(node, 0)), []);
      assert.deepEqual(positionsOf(await inbox.read(run, 0)), [toRun]);
    },
  },
];

const lifetime: readonly ContractCase[] = [
  {
    name: "inputs and discards are there after reopening, and positions go on increasing",
    requires: ["durable"],
    async run(context) {
      const store = await context.open();
      const [first = 0, second = 0, third = 0] = await postMany(store.inbox, "a", 3);
      const [other = 0] = await postMany(store.inbox, "b", 1);
      await store.inbox.discard("a", first);
      await store.inbox.discard("b", other);
      const { inbox } = await context.reopen(store);
      assert.deepEqual(positionsOf(await inbox.read("a", 0)), [second, third]);
      assert.deepEqual(await inbox.read("b", 0), []);
      assert.ok((await inbox.post("b", encode("b 2"))) > other);
    },
  },
  {
    name: "after close every call rejects with E_STORE_CLOSED",
    async run(context) {
      const { inbox } = await context.open();
      const watcher = await watching(context, inbox, "a");
      await inbox.close();
      await refuses("E_STORE_CLOSED", inbox.post("a", encode("late")));
      await refuses("E_STORE_CLOSED", inbox.read("a", 0));
      await refuses("E_STORE_CLOSED", inbox.discard("a", 1));
      await refuses(
        "E_STORE_CLOSED",
        inbox.watch(
          "a",
          () => undefined,
          () => undefined,
        ),
      );
      watcher.stop();
      assert.deepEqual(watcher.heard, []);
    },
  },
];

/** All cases about inputs. */
export const inboxContract: readonly ContractCase[] = [
  ...posting,
  ...inboxWatchContract,
  ...discarding,
  ...nodes,
  ...lifetime,
];
