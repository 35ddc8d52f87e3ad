/**
 * Event log: what erasing promises, about tombstones, and about runs that begin anew behind one.
 */
import assert from "node:assert/strict";
import type { EventLog, Position, StoredFrame } from "../../ports/event-log.ts";
import type { ContractCase } from "./contract.ts";
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

const tombstones = (frames: readonly StoredFrame[]): readonly string[] =>
  frames.flatMap((one) =>
    one.bytes.length === 0 ? [`${one.workflow}/${one.run}@${one.position}`] : [],
  );

/** Writes two frames of a run and erases it; gives the position of its tombstone. */
async function entomb(log: EventLog, run: string): Promise<Position> {
  await putMany(log, run, 2);
  assert.equal(await log.erase(run), true);
  return log.head(run);
}

const erasing: readonly ContractCase[] = [
  {
    name: "an erased run is gone from every read, and other runs are not touched",
    async run(context) {
      const { log } = await context.open();
      for (const run of ["a", "b"]) await putMany(log, run, 2);
      await putMany(log, "x", 2, 0, "other");
      assert.equal(await log.erase("a"), true);
      assert.deepEqual(await all(log.read({ run: "a" })), []);
      assert.deepEqual(bodiesOf(await all(log.read({ workflow: "flow" }))), ["b 1", "b 2"]);
      const left = bodiesOf(await all(log.read({})));
      assert.deepEqual(left.toSorted(), ["b 1", "b 2", "x 1", "x 2"]);
    },
  },
  {
    name: "an append to an erased run rejects with E_RUN_ERASED unless it expects the tombstone",
    async run(context) {
      const { log } = await context.open();
      const [first = 0, head = 0] = await putMany(log, "a", 2);
      await log.erase("a");
      const tombstone = await log.head("a");
      for (const expected of [0, first, head, tombstone + 1])
        await refuses("E_RUN_ERASED", log.append(frame("a", expected, "a 2")));
      await refuses("E_RUN_ERASED", log.append(frame("a", 0, "a 1", "other")));
      assert.deepEqual(await all(log.read({})), []);
    },
  },
  {
    name: "erase says whether there was something to remove, and changes nothing if there was not",
    async run(context) {
      const { log } = await context.open();
      await putMany(log, "a", 1);
      assert.equal(await log.erase("missing"), false);
      assert.equal(await log.head("missing"), 0);
      assert.equal(await log.erase("a"), true);
      const tombstone = await log.head("a");
      assert.equal(await log.erase("a"), false);
      assert.equal(await log.head("a"), tombstone);
      await put(log, frame("missing", 0, "not erased"));
    },
  },
  {
    name: "positions of erased frames and of tombstones are not given again",
    requires: ["ordered"],
    async run(context) {
      const { log } = await context.open();
      const tombstone = await entomb(log, "a");
      assert.ok((await put(log, frame("b", 0, "b 1"))) > tombstone);
    },
  },
  {
    name: "a subscription gets nothing of a run erased before, and goes on past one erased during",
    async run(context) {
      const { log } = await context.open();
      await entomb(log, "gone");
      await putMany(log, "a", 1);
      const follower = follow(context, log, {});
      assert.deepEqual(bodiesOf(await follower.take(1)), ["a 1"]);
      await log.erase("a");
      await putMany(log, "b", 1);
      assert.deepEqual(bodiesOf(await follower.take(1)), ["b 1"]);
    },
  },
  {
    name: "a subscription of a run gives its tombstone if it asks for it, at once",
    async run(context) {
      const { log } = await context.open();
      await putMany(log, "a", 1);
      const follower = follow(context, log, { run: "a", tombstones: true });
      assert.deepEqual(bodiesOf(await follower.take(1)), ["a 1"]);
      await putMany(log, "b", 1);
      await log.erase("a");
      const [tombstone] = await follower.take(1);
      assert.equal(tombstone?.bytes.length, 0);
      assert.equal(tombstone?.position, await log.head("a"));
    },
  },
  {
    name: "another process sees the erasing",
    requires: ["shared"],
    async run(context) {
      const { log } = await context.open();
      const { log: other } = await context.peer();
      const [head = 0] = await putMany(log, "a", 1);
      assert.equal((await all(other.read({ run: "a" }))).length, 1);
      const follower = follow(context, other, { run: "a", tombstones: true }, head);
      const heard = follower.take(1);
      await log.erase("a");
      assert.equal((await heard)[0]?.bytes.length, 0);
      assert.deepEqual(await all(other.read({ run: "a" })), []);
      await refuses("E_RUN_ERASED", other.append(frame("a", head, "late")));
      assert.equal(await other.erase("a"), false);
      assert.ok((await other.head("a")) > head);
    },
  },
];

const marks: readonly ContractCase[] = [
  {
    name: "a tombstone stands past everything before it, and is the head of its run and of the log",
    requires: ["ordered"],
    async run(context) {
      const { log } = await context.open();
      const [, last = 0] = await putMany(log, "a", 2);
      const [other = 0] = await putMany(log, "b", 1);
      await log.erase("a");
      const tombstone = await log.head("a");
      assert.ok(Number.isSafeInteger(tombstone) && tombstone > Math.max(last, other));
      assert.equal(await log.head(), tombstone);
      assert.equal(await log.head("b"), other);
    },
  },
  {
    name: "a reader of the whole log gets tombstones if it asks for them, each in its place",
    requires: ["ordered"],
    async run(context) {
      const { log } = await context.open();
      const gone = await entomb(log, "gone");
      const [, later = 0] = await putMany(log, "b", 2);
      const read = await all(log.read({ tombstones: true }));
      assert.deepEqual(bodiesOf(read), ["", "b 1", "b 2"]);
      assert.deepEqual(tombstones(read), [`/gone@${gone}`]);
      assert.deepEqual(bodiesOf(await all(log.read({}))), ["b 1", "b 2"]);
      const after = await all(log.read({ tombstones: true, after: gone }));
      assert.deepEqual(bodiesOf(after), ["b 1", "b 2"]);
      const limited = await all(log.read({ tombstones: true, limit: 2 }));
      assert.deepEqual(bodiesOf(limited), ["", "b 1"]);
      // A limit counts what is given: tombstones that nobody asked for are no frames.
      for (const run of ["too", "three"]) await entomb(log, run);
      const end = await put(log, frame("c", 0, "c 1"));
      const next = await all(log.read({ after: later, limit: 1 }));
      assert.deepEqual(positionsOf(next), [end]);
      const last = await all(log.read({ tombstones: true, after: later - 1, upTo: later }));
      assert.deepEqual(bodiesOf(last), ["b 2"]);
    },
  },
];

const anew: readonly ContractCase[] = [
  {
    name: "an append that expects the tombstone begins the run anew, and the old frames stay away",
    async run(context) {
      const { log } = await context.open();
      const tombstone = await entomb(log, "a");
      const first = await put(log, frame("a", tombstone, "new 1", "other"));
      assert.ok(first > tombstone);
      await put(log, frame("a", first, "new 2", "other"));
      assert.deepEqual(bodiesOf(await all(log.read({ run: "a" }))), ["new 1", "new 2"]);
      assert.deepEqual(bodiesOf(await all(log.read({}))), ["new 1", "new 2"]);
      assert.deepEqual(bodiesOf(await all(log.read({ workflow: "other" }))), ["new 1", "new 2"]);
      assert.deepEqual(await all(log.read({ workflow: "flow" })), []);
    },
  },
  {
    name: "once a run has begun anew, older expectations are conflicts like any other",
    async run(context) {
      const { log } = await context.open();
      const tombstone = await entomb(log, "a");
      const head = await put(log, frame("a", tombstone, "new 1"));
      for (const expected of [0, tombstone - 1, tombstone])
        assert.deepEqual(await log.append(frame("a", expected, "late")), { ok: false, head });
    },
  },
  {
    name: "of 20 concurrent appends that expect the tombstone exactly one succeeds",
    async run(context) {
      const { log } = await context.open();
      const tombstone = await entomb(log, "a");
      const outcomes = await Promise.all(
        Array.from({ length: 20 }, (_, nth) => log.append(frame("a", tombstone, `racer ${nth}`))),
      );
      assert.equal(outcomes.filter((outcome) => outcome.ok).length, 1);
      assert.equal((await all(log.read({ run: "a" }))).length, 1);
    },
  },
  {
    name: "the same frame that began a run anew, sent again, resolves to the same success",
    async run(context) {
      const { log } = await context.open();
      const tombstone = await entomb(log, "a");
      const sent = frame("a", tombstone, "unique");
      const position = await put(log, sent);
      assert.deepEqual(await log.append(sent), { ok: true, position });
    },
  },
  {
    name: "a run can be erased again after it has begun anew",
    async run(context) {
      const { log } = await context.open();
      const first = await entomb(log, "a");
      await put(log, frame("a", first, "new 1"));
      assert.equal(await log.erase("a"), true);
      const second = await log.head("a");
      assert.ok(second > first);
      await refuses("E_RUN_ERASED", log.append(frame("a", first, "late")));
      const past = await all(log.read({ run: "a", tombstones: true, after: first }));
      assert.deepEqual(tombstones(past), [`/a@${second}`]);
      await put(log, frame("a", second, "newer 1"));
      assert.deepEqual(bodiesOf(await all(log.read({ run: "a" }))), ["newer 1"]);
    },
  },
  {
    name: "a subscription of a run follows it through its erasing into its new life",
    async run(context) {
      const { log } = await context.open();
      await putMany(log, "a", 1);
      const follower = follow(context, log, { run: "a" });
      assert.deepEqual(bodiesOf(await follower.take(1)), ["a 1"]);
      await log.erase("a");
      await put(log, frame("a", await log.head("a"), "new 1"));
      assert.deepEqual(bodiesOf(await follower.take(1)), ["new 1"]);
    },
  },
  {
    name: "tombstones, and runs begun anew, are there after reopening",
    requires: ["durable"],
    async run(context) {
      const store = await context.open();
      const gone = await entomb(store.log, "gone");
      const tombstone = await entomb(store.log, "a");
      await put(store.log, frame("a", tombstone, "new 1"));
      const { log } = await context.reopen(store);
      assert.equal(await log.head("gone"), gone);
      await refuses("E_RUN_ERASED", log.append(frame("gone", 0, "late")));
      assert.deepEqual(bodiesOf(await all(log.read({ run: "a" }))), ["new 1"]);
      await put(log, frame("gone", gone, "back"));
    },
  },
];

/** A part of `eventLogContract`. */
export const eventLogEraseContract: readonly ContractCase[] = [...erasing, ...marks, ...anew];
