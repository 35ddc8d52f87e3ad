/** Event log: what subscriptions promise: history, then live, without gap or repeat. */

import assert from "node:assert/strict";
import { awaitedLater } from "../../kernel/async.ts";
import { limits } from "../../kernel/limits.ts";
import { positionIn } from "../../ports/cursor.ts";
import type { EventLog, LogScope, StoredFrame } from "../../ports/event-log.ts";
import { assertSameBytes, noise } from "./contents.ts";
import type { CaseContext, ContractCase } from "./contract.ts";
import {
  all,
  bodiesOf,
  follow,
  frame,
  positionsOf,
  put,
  putMany,
} from "./event-log-contract-kit.ts";

/** Writes before and after subscribing; the follower must give exactly what a read then gives. */
async function historyThenLive(context: CaseContext, scope: LogScope): Promise<void> {
  const { log } = await context.open();
  const [a, x] = [await putMany(log, "a", 5), await putMany(log, "x", 5, 0, "other")];
  const before = await all(log.read(scope));
  const follower = follow(context, log, scope);
  const history = await follower.take(before.length);
  await putMany(log, "a", 5, a.at(-1));
  await putMany(log, "x", 5, x.at(-1), "other");
  await putMany(log, "b", 5);
  const after = await all(log.read(scope));
  const live = await follower.take(after.length - before.length);
  assert.deepEqual(positionsOf([...history, ...live]), positionsOf(after));
  assert.deepEqual(bodiesOf([...history, ...live]), bodiesOf(after));
}

/** Frames of several runs, appended side by side while `read` follows them. */
async function whileWriting(
  log: EventLog,
  runs: number,
  each: number,
  read: (total: number) => Promise<readonly StoredFrame[]>,
): Promise<void> {
  const names = Array.from({ length: runs }, (_, nth) => `run-${nth}`);
  const [got] = await Promise.all([
    read(runs * each),
    ...names.map((run) => putMany(log, run, each)),
  ]);
  assert.deepEqual(positionsOf(got), positionsOf(await all(log.read({}))));
}

const order: readonly ContractCase[] = [
  {
    name: "of a run: first what is stored, then what comes",
    run: (context) => historyThenLive(context, { run: "a" }),
  },
  {
    name: "of a workflow: first what is stored, then what comes",
    requires: ["ordered"],
    run: (context) => historyThenLive(context, { workflow: "flow" }),
  },
  {
    name: "of all: first what is stored, then what comes",
    requires: ["ordered"],
    run: (context) => historyThenLive(context, {}),
  },
  {
    name: "`after` excludes its position and what lies before",
    async run(context) {
      const { log } = await context.open();
      const [, second = 0, third = 0] = await putMany(log, "a", 3);
      const follower = follow(context, log, { run: "a" }, second);
      assert.deepEqual(positionsOf(await follower.take(1)), [third]);
      const fourth = await put(log, frame("a", third, "a 4"));
      assert.deepEqual(positionsOf(await follower.take(1)), [fourth]);
    },
  },
  {
    name: "of a run or workflow that does not exist yet: its first frame comes",
    async run(context) {
      const { log } = await context.open();
      const run = follow(context, log, { run: "later" });
      const workflow = follow(context, log, { workflow: "new" });
      const [ofRun, ofWorkflow] = [run.take(1), workflow.take(1)];
      await putMany(log, "a", 1);
      await putMany(log, "later", 1, 0, "new");
      assert.deepEqual(bodiesOf([...(await ofRun), ...(await ofWorkflow)]), ["later 1", "later 1"]);
    },
  },
  {
    name: "from past the head: what has lower positions is left out",
    requires: ["ordered"],
    async run(context) {
      const { log } = await context.open();
      const after = positionIn(await log.head()) + 5;
      const follower = follow(context, log, {}, after);
      const first = follower.take(1);
      const positions = await putMany(log, "a", 8);
      const due = positions.filter((position) => position > after);
      const got = [...(await first), ...(await follower.take(due.length - 1))];
      assert.deepEqual(positionsOf(got), due);
    },
  },
  {
    name: "without gap or repeat while the history is being written",
    requires: ["ordered"],
    async run(context) {
      const { log } = await context.open();
      await whileWriting(log, 10, 30, (total) => follow(context, log, {}).take(total));
    },
  },
  {
    name: "1,000 live frames come whole and in order",
    requires: ["ordered"],
    async run(context) {
      const { log } = await context.open();
      await putMany(log, "first", 1);
      const follower = follow(context, log, {});
      const first = await follower.take(1);
      await whileWriting(log, 20, 50, async (total) => [...first, ...(await follower.take(total))]);
    },
  },
  {
    name: "frames of the largest size come live",
    async run(context) {
      const { log } = await context.open();
      const follower = follow(context, log, {});
      const coming = follower.take(3);
      const bytes = noise(limits.frameBytesMax);
      for (const run of ["a", "b", "c"]) await put(log, frame(run, 0, bytes));
      for (const stored of await coming) assertSameBytes(stored.bytes, bytes);
    },
  },
];

const pace: readonly ContractCase[] = [
  {
    name: "a slow reader gets everything, and does not hold up a quick one",
    async run(context) {
      const { log } = await context.open();
      const [slow, quick] = [follow(context, log, {}), follow(context, log, {})];
      await putMany(log, "first", 1);
      const slowly = [...(await slow.take(1))];
      const runs = Array.from({ length: 13 }, (_, nth) => `run-${nth}`);
      await Promise.all(runs.map((run) => putMany(log, run, 23)));
      const quickly = await quick.take(300);
      while (slowly.length < 300) {
        slowly.push(...(await slow.take(13)));
        await context.sleep(5);
      }
      const of = (frames: readonly StoredFrame[], run: string): readonly string[] =>
        bodiesOf(frames.filter((one) => one.run === run));
      for (const run of ["first", ...runs]) assert.deepEqual(of(slowly, run), of(quickly, run));
    },
  },
  {
    name: "a slow reader of large frames gets every one",
    async run(context) {
      const { log } = await context.open();
      const follower = follow(context, log, { run: "a" });
      const bytes = noise(256 * 1024);
      let head = await put(log, frame("a", 0, bytes));
      assert.equal((await follower.take(1)).length, 1);
      for (let nth = 1; nth <= 60; nth += 1) {
        bytes[0] = nth;
        head = await put(log, frame("a", head, bytes));
      }
      for (let nth = 1; nth <= 60; nth += 1)
        assert.equal((await follower.take(1))[0]?.bytes[0], nth);
    },
  },
  {
    name: "a subscriber that comes late gets the same frames as an early one",
    async run(context) {
      const { log } = await context.open();
      const early = follow(context, log, {});
      const positions = await putMany(log, "a", 10);
      const got = positionsOf(await early.take(10));
      const late = follow(context, log, {});
      assert.deepEqual(positionsOf(await late.take(10)), got);
      const next = await put(log, frame("a", positions.at(-1) ?? 0, "a 11"));
      assert.deepEqual(positionsOf([...(await early.take(1)), ...(await late.take(1))]), [
        next,
        next,
      ]);
    },
  },
];

const ending: readonly ContractCase[] = [
  {
    name: "ends when its signal aborts while it waits for a frame",
    async run(context) {
      const { log } = await context.open();
      const control = new AbortController();
      const frames = log.subscribe({ run: "a" }, 0, control.signal)[Symbol.asyncIterator]();
      const waiting = awaitedLater(frames.next());
      await context.sleep(20);
      control.abort();
      const step = await context.within("the end after the abort", waiting);
      assert.equal(step.done, true);
    },
  },
  {
    name: "ends when its signal aborts in the middle of the history",
    async run(context) {
      const { log } = await context.open();
      await putMany(log, "a", 100);
      const follower = follow(context, log, {});
      assert.equal((await follower.take(3)).length, 3);
      await follower.stop();
    },
  },
  {
    name: "gives nothing when its signal is aborted beforehand",
    async run(context) {
      const { log } = await context.open();
      await putMany(log, "a", 1);
      const frames = all(log.subscribe({}, 0, AbortSignal.abort()));
      assert.deepEqual(await context.within("the end of it", frames), []);
    },
  },
  {
    name: "may be left by its reader, and others go on",
    requires: ["ordered"],
    async run(context) {
      const { log } = await context.open();
      await putMany(log, "a", 2);
      const other = follow(context, log, {});
      for await (const stored of log.subscribe({}, 0, new AbortController().signal)) {
        assert.equal(stored.run, "a");
        break;
      }
      await putMany(log, "b", 1);
      assert.deepEqual(bodiesOf(await other.take(3)), ["a 1", "a 2", "b 1"]);
    },
  },
];

const sharing: readonly ContractCase[] = [
  {
    name: "what another process appends comes live, to each of three scopes",
    requires: ["shared"],
    async run(context) {
      const { log } = await context.open();
      const { log: other } = await context.peer();
      const scopes: readonly LogScope[] = [{}, { workflow: "flow" }, { run: "a" }];
      const coming = scopes.map((scope) => follow(context, log, scope).take(20));
      await putMany(other, "a", 20);
      for (const got of await Promise.all(coming))
        assert.deepEqual(
          bodiesOf(got),
          Array.from({ length: 20 }, (_, nth) => `a ${nth + 1}`),
        );
    },
  },
  {
    name: "two processes writing at once: a follower in each sees all frames in one order",
    requires: ["shared", "ordered"],
    async run(context) {
      const { log } = await context.open();
      const { log: other } = await context.peer();
      const coming = [follow(context, log, {}).take(200), follow(context, other, {}).take(200)];
      await Promise.all([putMany(log, "a", 100), putMany(other, "b", 100)]);
      const [left = [], right = []] = await Promise.all(coming);
      const stored = positionsOf(await all(log.read({})));
      assert.deepEqual(positionsOf(left), stored);
      assert.deepEqual(positionsOf(right), stored);
    },
  },
];

/** A part of `eventLogContract`. */
export const eventLogSubscribeContract: readonly ContractCase[] = [
  ...order,
  ...pace,
  ...ending,
  ...sharing,
].map((test) => ({ ...test, name: `subscribe ${test.name}` }));
