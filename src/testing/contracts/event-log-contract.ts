/** The contract of `EventLog`: its parts, and what closing and reopening promise. */
import assert from "node:assert/strict";
import type { ContractCase } from "./contract.ts";
import { eventLogAppendContract } from "./event-log-append-contract.ts";
import {
  all,
  bodiesOf,
  follow,
  frame,
  positionsOf,
  put,
  putMany,
  refuses,
} from "./event-log-contract-kit.ts";
import { eventLogEraseContract } from "./event-log-erase-contract.ts";
import { eventLogPartitionContract } from "./event-log-partition-contract.ts";
import { eventLogReadContract } from "./event-log-read-contract.ts";
import { eventLogResendContract } from "./event-log-resend-contract.ts";
import { eventLogSubscribeContract } from "./event-log-subscribe-contract.ts";

const closing: readonly ContractCase[] = [
  {
    name: "after close every call rejects with E_STORE_CLOSED",
    async run(context) {
      const { log } = await context.open();
      await putMany(log, "a", 1);
      await log.close();
      await refuses("E_STORE_CLOSED", log.append(frame("b", 0, "late")));
      await refuses("E_STORE_CLOSED", all(log.read({})));
      await refuses("E_STORE_CLOSED", all(log.subscribe({}, 0, new AbortController().signal)));
      await refuses("E_STORE_CLOSED", log.head());
      await refuses("E_STORE_CLOSED", log.erase("a"));
    },
  },
  {
    name: "close ends open subscriptions",
    async run(context) {
      const { log } = await context.open();
      await putMany(log, "a", 1);
      const followers = [follow(context, log, {}), follow(context, log, { run: "b" })];
      assert.equal((await followers[0]?.take(1))?.length, 1);
      const ends = followers.map((follower) => follower.ended());
      await log.close();
      await Promise.all(ends);
    },
  },
  {
    name: "closing the store closes the log, and closing twice is harmless",
    async run(context) {
      const store = await context.open();
      await store.close();
      await refuses("E_STORE_CLOSED", store.log.append(frame("a", 0, "late")));
      await store.log.close();
      await store.close();
    },
  },
  {
    name: "one process closing does not disturb another",
    requires: ["shared"],
    async run(context) {
      const store = await context.open();
      const { log: other } = await context.peer();
      const follower = follow(context, other, {});
      await putMany(store.log, "a", 1);
      assert.equal((await follower.take(1)).length, 1);
      await store.close();
      await putMany(other, "b", 1);
      assert.deepEqual(bodiesOf(await follower.take(1)), ["b 1"]);
    },
  },
];

const reopening: readonly ContractCase[] = [
  {
    name: "what was appended is there after reopening, at the same positions",
    requires: ["durable", "ordered"],
    async run(context) {
      const store = await context.open();
      const positions = await putMany(store.log, "a", 3);
      const [other = 0] = await putMany(store.log, "b", 1, 0, "other");
      const { log } = await context.reopen(store);
      const got = await all(log.read({}));
      assert.deepEqual(positionsOf(got), [...positions, other]);
      assert.deepEqual(bodiesOf(got), ["a 1", "a 2", "a 3", "b 1"]);
      assert.equal(await log.head("a"), positions[2]);
      assert.equal(await log.head(), other);
    },
  },
  {
    name: "expected revisions hold, and positions go on increasing, after reopening",
    requires: ["durable"],
    async run(context) {
      const store = await context.open();
      const [, head = 0] = await putMany(store.log, "a", 2);
      const { log } = await context.reopen(store);
      assert.deepEqual(await log.append(frame("a", 0, "again")), { ok: false, head });
      assert.ok((await put(log, frame("a", head, "a 3"))) > head);
    },
  },
  {
    name: "the same frame sent again after reopening resolves to the same success",
    requires: ["durable"],
    async run(context) {
      const store = await context.open();
      const sent = frame("a", 0, "unique");
      const position = await put(store.log, sent);
      const { log } = await context.reopen(store);
      assert.deepEqual(await log.append(sent), { ok: true, position });
    },
  },
  {
    name: "an erased run stays erased after reopening, and its positions stay taken",
    requires: ["durable", "ordered"],
    async run(context) {
      const store = await context.open();
      const [head = 0] = await putMany(store.log, "a", 1);
      await store.log.erase("a");
      const { log } = await context.reopen(store);
      assert.deepEqual(await all(log.read({})), []);
      await refuses("E_RUN_ERASED", log.append(frame("a", 0, "a 1")));
      assert.ok((await put(log, frame("b", 0, "b 1"))) > head);
    },
  },
];

/** All cases about the event log. */
export const eventLogContract: readonly ContractCase[] = [
  ...eventLogAppendContract,
  ...eventLogResendContract,
  ...eventLogReadContract,
  ...eventLogSubscribeContract,
  ...eventLogEraseContract,
  ...eventLogPartitionContract,
  ...closing,
  ...reopening,
];
