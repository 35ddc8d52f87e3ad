/** Event log: what an append promises when it is sent again, given up, or large. */
import assert from "node:assert/strict";
import { limits } from "../../kernel/limits.ts";
import { assertSameBytes, encode, everyByte, noise } from "./contents.ts";
import type { ContractCase } from "./contract.ts";
import { all, bodiesOf, frame, put, putMany } from "./event-log-contract-kit.ts";

const SENDERS = 20;

const resending: readonly ContractCase[] = [
  {
    name: "the same frame sent again resolves to the same success and is stored once",
    async run(context) {
      const { log } = await context.open();
      const [head = 0] = await putMany(log, "a", 1);
      const sent = frame("a", head, "unique");
      const position = await put(log, sent);
      assert.deepEqual(await log.append(sent), { ok: true, position });
      assert.deepEqual(bodiesOf(await all(log.read({ run: "a" }))), ["a 1", "unique"]);
    },
  },
  {
    name: "the same frame sent again after others followed it resolves to the same success",
    async run(context) {
      const { log } = await context.open();
      const sent = frame("a", 0, "unique");
      const position = await put(log, sent);
      await putMany(log, "a", 3, position);
      assert.deepEqual(await log.append(sent), { ok: true, position });
      assert.equal((await all(log.read({ run: "a" }))).length, 4);
    },
  },
  {
    name: "a frame that was stored further on does not make an older expectation succeed",
    async run(context) {
      const { log } = await context.open();
      const [first = 0] = await putMany(log, "a", 1);
      const head = await put(log, frame("a", first, "unique"));
      assert.deepEqual(await log.append(frame("a", 0, "unique")), { ok: false, head });
    },
  },
  {
    name: "20 concurrent sendings of one frame resolve to one position",
    async run(context) {
      const { log } = await context.open();
      const sent = frame("a", 0, "unique");
      const outcomes = await Promise.all(Array.from({ length: SENDERS }, () => log.append(sent)));
      const stored = await all(log.read({ run: "a" }));
      assert.equal(stored.length, 1);
      for (const outcome of outcomes)
        assert.deepEqual(outcome, { ok: true, position: stored[0]?.position });
    },
  },
  {
    name: "a frame stored by one process and sent again by another resolves to the same success",
    requires: ["shared"],
    async run(context) {
      const { log } = await context.open();
      const { log: other } = await context.peer();
      const sent = frame("a", 0, "unique");
      const position = await put(log, sent);
      assert.deepEqual(await other.append(sent), { ok: true, position });
    },
  },
  {
    name: "a signal that does not abort in time changes nothing",
    async run(context) {
      const { log } = await context.open();
      const control = new AbortController();
      const outcome = await log.append(frame("a", 0, "first"), control.signal);
      assert.ok(outcome.ok);
      control.abort();
      assert.equal(await log.head("a"), outcome.position);
      await put(log, frame("a", outcome.position, "second"));
    },
  },
  {
    name: "an append whose signal is aborted either succeeds or rejects with E_STORE_UNAVAILABLE",
    async run(context) {
      const { log } = await context.open();
      const sent = frame("a", 0, "first");
      const outcome = await log.append(sent, AbortSignal.abort()).catch((error: unknown) => {
        assert.equal((error as { code?: unknown }).code, "E_STORE_UNAVAILABLE");
      });
      const stored = await all(log.read({ run: "a" }));
      if (outcome) assert.deepEqual(outcome, { ok: true, position: stored[0]?.position });
      await put(log, sent);
      assert.equal((await all(log.read({ run: "a" }))).length, 1);
    },
  },
];

const contents: readonly ContractCase[] = [
  {
    name: "all byte values come back as they were",
    async run(context) {
      const { log } = await context.open();
      const bytes = everyByte();
      await put(log, frame("a", 0, bytes));
      const [stored] = await all(log.read({ run: "a" }));
      assertSameBytes(stored?.bytes, bytes);
      assert.deepEqual([stored?.run, stored?.workflow], ["a", "flow"]);
    },
  },
  {
    name: "frames of the largest size come back as they were",
    async run(context) {
      const { log } = await context.open();
      const bytes = noise(limits.frameBytesMax);
      const first = await put(log, frame("a", 0, bytes));
      const changed = bytes.slice();
      changed[changed.length - 1] = 255;
      await put(log, frame("a", first, changed));
      const stored = await all(log.read({ run: "a" }));
      assertSameBytes(stored[0]?.bytes, bytes);
      assertSameBytes(stored[1]?.bytes, changed);
    },
  },
  {
    name: "a view of a larger buffer stores the view, and the writer may then reuse the buffer",
    async run(context) {
      const { log } = await context.open();
      const buffer = encode("..inside..");
      await put(log, frame("a", 0, buffer.subarray(2, 8)));
      buffer.fill(0);
      assert.deepEqual(bodiesOf(await all(log.read({ run: "a" }))), ["inside"]);
    },
  },
];

/** A part of `eventLogContract`. */
export const eventLogResendContract: readonly ContractCase[] = [...resending, ...contents];
