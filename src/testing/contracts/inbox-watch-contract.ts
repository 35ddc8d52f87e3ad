/** Inbox: what watching promises. */
import assert from "node:assert/strict";
import { encode } from "./contents.ts";
import type { ContractCase } from "./contract.ts";

import { bodies, bodiesOf, positionsOf, postMany, watching } from "./inbox-contract-kit.ts";

/** A part of `inboxContract`. */
export const inboxWatchContract: readonly ContractCase[] = [
  {
    name: "a watcher hears every input posted after watch resolved, in order",
    async run(context) {
      const { inbox } = await context.open();
      const watcher = await watching(context, inbox, "a");
      const posted = await postMany(inbox, "a", 50);
      await watcher.heardAll(50);
      assert.deepEqual(positionsOf(watcher.heard), posted);
      assert.deepEqual(bodiesOf(watcher.heard), bodies("a", 50));
    },
  },
  {
    name: "a watcher hears 300 concurrent posts once each, in order of position",
    async run(context) {
      const { inbox } = await context.open();
      const watcher = await watching(context, inbox, "a");
      await Promise.all(bodies("a", 300).map((body) => inbox.post("a", encode(body))));
      await watcher.heardAll(300);
      assert.deepEqual(positionsOf(watcher.heard), positionsOf(await inbox.read("a", 0)));
    },
  },
  {
    name: "a watcher hears nothing of other runs",
    async run(context) {
      const { inbox } = await context.open();
      const watcher = await watching(context, inbox, "a");
      await postMany(inbox, "b", 3);
      await postMany(inbox, "a1", 3);
      await postMany(inbox, "a", 1);
      await watcher.heardAll(1);
      assert.deepEqual(bodiesOf(watcher.heard), bodies("a", 1));
    },
  },
  {
    name: "several watchers of a run hear the same; a stopped one hears no more",
    async run(context) {
      const { inbox } = await context.open();
      const [first, second] = [
        await watching(context, inbox, "a"),
        await watching(context, inbox, "a"),
      ];
      await postMany(inbox, "a", 2);
      await first.heardAll(2);
      await second.heardAll(2);
      first.stop();
      await inbox.post("a", encode("after"));
      await second.heardAll(3);
      assert.deepEqual(bodiesOf(first.heard), bodies("a", 2));
      assert.deepEqual(bodiesOf(second.heard), [...bodies("a", 2), "after"]);
    },
  },
  {
    name: "a watcher hears what another process posts",
    requires: ["shared"],
    async run(context) {
      const { inbox } = await context.open();
      const { inbox: other } = await context.peer();
      const watcher = await watching(context, inbox, "a");
      await postMany(other, "a", 20);
      await watcher.heardAll(20);
      assert.deepEqual(bodiesOf(watcher.heard), bodies("a", 20));
    },
  },
];
