/** Event log: what one of several partitions promises to those who read many runs. */
import assert from "node:assert/strict";
import { advance, type Cursor, covers, reaches, startOf } from "../../ports/cursor.ts";
import type { EventLog, StoredFrame } from "../../ports/event-log.ts";
import type { ContractCase } from "./contract.ts";
import { all, follow, positionsOf, putMany, refuses } from "./event-log-contract-kit.ts";

const RUNS = Array.from({ length: 24 }, (_, nth) => `run-${nth}`);

/** Frames of many runs, which lie in all partitions. */
const writeMany = async (log: EventLog, each: number): Promise<readonly number[]> =>
  (await Promise.all(RUNS.map((run) => putMany(log, run, each)))).flat();

const inAnyOrder = (positions: readonly number[]): readonly number[] =>
  [...positions].sort((left, right) => left - right);

const cursorPast = (log: EventLog, frames: readonly StoredFrame[]): Cursor =>
  positionsOf(frames).reduce<Cursor>(advance, startOf(log.partitions));

/** Of each partition the positions must increase. */
function assertInOrder(log: EventLog, frames: readonly StoredFrame[]): void {
  let cursor = startOf(log.partitions);
  for (const { position } of frames) {
    assert.ok(!covers(cursor, position), `position ${position} came late, or twice`);
    cursor = advance(cursor, position);
  }
}

const cases: readonly ContractCase[] = [
  {
    name: "a run lies in one partition, and no two frames have one position",
    async run(context) {
      const { log } = await context.open();
      const positions = await Promise.all(RUNS.map((run) => putMany(log, run, 3)));
      for (const ofRun of positions) {
        assert.equal(new Set(ofRun.map((position) => position % log.partitions)).size, 1);
        assert.deepEqual(ofRun, inAnyOrder(ofRun));
      }
      assert.equal(new Set(positions.flat()).size, RUNS.length * 3);
      const used = new Set(positions.flat().map((position) => position % log.partitions));
      assert.equal(used.size, log.partitions, "some partition is empty");
    },
  },
  {
    name: "a read of many runs gives all of it, and goes on from a cursor without gap or repeat",
    async run(context) {
      const { log } = await context.open();
      const positions = await writeMany(log, 5);
      const scopes = [{}, { workflow: "flow" }];
      for (const scope of scopes) {
        const first = await all(log.read({ ...scope, limit: 50 }));
        assert.equal(first.length, 50);
        const rest = await all(log.read({ ...scope, after: cursorPast(log, first) }));
        assertInOrder(log, [...first, ...rest]);
        assert.deepEqual(inAnyOrder(positionsOf([...first, ...rest])), inAnyOrder(positions));
      }
    },
  },
  {
    name: "the head is the place behind all that was appended, and a read up to it gives just that",
    async run(context) {
      const { log } = await context.open();
      assert.deepEqual(await log.head(), startOf(log.partitions));
      const positions = await writeMany(log, 2);
      const head = await log.head();
      for (const position of positions) assert.ok(covers(head, position));
      for (const run of RUNS) await putMany(log, `later-${run}`, 1);
      assert.ok(!reaches(head, await log.head()));
      const got = await all(log.read({ upTo: head }));
      assert.deepEqual(inAnyOrder(positionsOf(got)), inAnyOrder(positions));
      assert.deepEqual(await all(log.read({ after: head, upTo: head })), []);
      await log.erase("run-0");
      assert.ok(covers(await log.head(), await log.head("run-0")));
    },
  },
  {
    name: "a subscription of many runs goes on from a cursor, and then live",
    async run(context) {
      const { log } = await context.open();
      await writeMany(log, 4);
      const early = follow(context, log, {});
      const first = await early.take(37);
      await early.stop();
      const late = follow(context, log, {}, cursorPast(log, first));
      const rest = await late.take(RUNS.length * 4 - 37);
      await Promise.all(RUNS.map((run) => putMany(log, `live-${run}`, 2)));
      const live = await late.take(RUNS.length * 2);
      const got = [...first, ...rest, ...live];
      assertInOrder(log, got);
      assert.deepEqual(
        inAnyOrder(positionsOf(got)),
        inAnyOrder(positionsOf(await all(log.read({})))),
      );
    },
  },
  {
    name: "a bare position is no place among many runs, nor is a place in another number of partitions",
    async run(context) {
      const { log } = await context.open();
      const [position = 0] = await putMany(log, "a", 1);
      const { signal } = new AbortController();
      const places: Cursor[] = [position, [position], [...((await log.head()) as number[]), 0]];
      for (const after of places) {
        await refuses("E_OPTION_INVALID", all(log.read({ after })));
        await refuses("E_OPTION_INVALID", all(log.read({ workflow: "flow", upTo: after })));
        await refuses("E_OPTION_INVALID", all(log.subscribe({}, after, signal)));
      }
      assert.equal((await all(log.read({ after: 0 }))).length, 1);
    },
  },
];

/** A part of `eventLogContract`. */
export const eventLogPartitionContract: readonly ContractCase[] = cases.map((test) => ({
  ...test,
  name: `of several partitions: ${test.name}`,
  requires: ["partitioned"],
}));
