/** Event log: what an append promises about positions, expectations and rivals. */
import assert from "node:assert/strict";
import type { AppendOutcome, EventLog } from "../../ports/event-log.ts";
import type { ContractCase } from "./contract.ts";
import {
  all,
  bodiesOf,
  follow,
  frame,
  positionsOf,
  put,
  putMany,
} from "./event-log-contract-kit.ts";

const RACERS = 20;

/** The same revision, `RACERS` different frames, at once. */
const race = (
  expected: number,
  log: (racer: number) => EventLog,
  workflow: (racer: number) => string = () => "flow",
): Promise<readonly AppendOutcome[]> =>
  Promise.all(
    Array.from({ length: RACERS }, (_, racer) =>
      log(racer).append(frame("raced", expected, `racer ${racer}`, workflow(racer))),
    ),
  );

/** Exactly one outcome is a success, the log holds its frame, and the others were told of it. */
async function assertOneWinner(
  outcomes: readonly AppendOutcome[],
  log: EventLog,
  after: number,
): Promise<void> {
  const won = outcomes.flatMap((outcome) => (outcome.ok ? [outcome.position] : []));
  assert.equal(won.length, 1, `${won.length} of ${outcomes.length} appends succeeded`);
  const stored = await all(log.read({ run: "raced", after }));
  assert.deepEqual(positionsOf(stored), won);
  const winner = outcomes.findIndex((outcome) => outcome.ok);
  assert.deepEqual(bodiesOf(stored), [`racer ${winner}`]);
  const told = outcomes.flatMap((outcome) => (outcome.ok ? [] : [outcome.head]));
  assert.deepEqual(new Set(told), new Set(won), "losers are told the winner's position");
}

const expectations: readonly ContractCase[] = [
  {
    name: "the first append to a run gets a positive integer position",
    async run(context) {
      const { log } = await context.open();
      const outcome = await log.append(frame("a", 0, "first"));
      assert.ok(outcome.ok);
      assert.ok(Number.isSafeInteger(outcome.position) && outcome.position > 0);
    },
  },
  {
    name: "positions increase strictly over all runs and workflows",
    requires: ["ordered"],
    async run(context) {
      const { log } = await context.open();
      const positions = [
        ...(await putMany(log, "a", 3)),
        ...(await putMany(log, "b", 2, 0, "other")),
        await put(log, frame("c", 0, "c 1")),
      ];
      const sorted = [...new Set(positions)].sort((left, right) => left - right);
      assert.deepEqual(positions, sorted);
    },
  },
  {
    name: "an append that expects the run's head succeeds, whatever other runs did since",
    async run(context) {
      const { log } = await context.open();
      const [first = 0] = await putMany(log, "a", 1);
      await putMany(log, "b", 3);
      assert.ok((await log.append(frame("a", first, "second"))).ok);
    },
  },
  {
    name: "an append that expects an older frame of the run is refused and told the head",
    async run(context) {
      const { log } = await context.open();
      const [first = 0, , third = 0] = await putMany(log, "a", 3);
      const outcome = await log.append(frame("a", first, "late"));
      assert.deepEqual(outcome, { ok: false, head: third });
    },
  },
  {
    name: "an append that expects no frame is refused when the run has some",
    async run(context) {
      const { log } = await context.open();
      const [, second = 0] = await putMany(log, "a", 2);
      assert.deepEqual(await log.append(frame("a", 0, "again")), { ok: false, head: second });
    },
  },
  {
    name: "an append that expects more than the run has is refused",
    async run(context) {
      const { log } = await context.open();
      const [head = 0] = await putMany(log, "a", 1);
      const ahead = await log.append(frame("a", head + 1, "ahead"));
      assert.deepEqual(ahead, { ok: false, head });
      const missing = await log.append(frame("missing", head, "ahead"));
      assert.deepEqual(missing, { ok: false, head: 0 });
    },
  },
  {
    name: "an append that expects another run's position is refused",
    async run(context) {
      const { log } = await context.open();
      const [head = 0] = await putMany(log, "a", 1);
      const [foreign = 0] = await putMany(log, "b", 1);
      assert.deepEqual(await log.append(frame("a", foreign, "x")), { ok: false, head });
    },
  },
  {
    name: "a refused append leaves nothing: not in reads, heads or subscriptions",
    async run(context) {
      const { log } = await context.open();
      const [head = 0] = await putMany(log, "a", 1);
      const follower = follow(context, log, { run: "a" });
      assert.equal((await follower.take(1)).length, 1);
      assert.equal((await log.append(frame("a", 0, "refused"))).ok, false);
      assert.equal((await log.append(frame("b", head, "refused"))).ok, false);
      assert.equal(await log.head("a"), head);
      assert.equal(await log.head("b"), 0);
      assert.deepEqual(bodiesOf(await all(log.read({}))), ["a 1"]);
      await put(log, frame("a", head, "accepted"));
      assert.deepEqual(bodiesOf(await follower.take(1)), ["accepted"]);
    },
  },
  {
    name: "a run id is unique over the workflows",
    async run(context) {
      const { log } = await context.open();
      const [head = 0] = await putMany(log, "a", 1, 0, "flow");
      const outcome = await log.append(frame("a", 0, "x", "other"));
      assert.deepEqual(outcome, { ok: false, head });
      assert.deepEqual(await all(log.read({ workflow: "other" })), []);
    },
  },
  {
    name: "run ids that differ in case, or of which one begins another, are different runs",
    async run(context) {
      const { log } = await context.open();
      const ids = ["run", "RUN", "run1", "run-", "run_", "r", "flow", "z".repeat(128)];
      const heads = new Map<string, number>();
      for (const id of ids) heads.set(id, await put(log, frame(id, 0, `of ${id}`)));
      for (const id of ids) {
        assert.deepEqual(bodiesOf(await all(log.read({ run: id }))), [`of ${id}`]);
        assert.equal(await log.head(id), heads.get(id));
      }
    },
  },
];

const concurrency: readonly ContractCase[] = [
  {
    name: "of 20 concurrent appends that create a run exactly one succeeds",
    async run(context) {
      const { log } = await context.open();
      await assertOneWinner(await race(0, () => log), log, 0);
    },
  },
  {
    name: "of 20 concurrent appends at a later revision exactly one succeeds",
    async run(context) {
      const { log } = await context.open();
      const head = (await putMany(log, "raced", 5)).at(-1) ?? 0;
      await assertOneWinner(await race(head, () => log), log, head);
    },
  },
  {
    name: "of 20 concurrent appends that create a run under two workflows exactly one succeeds",
    async run(context) {
      const { log } = await context.open();
      const outcomes = await race(
        0,
        () => log,
        (racer) => (racer % 2 === 0 ? "flow" : "other"),
      );
      await assertOneWinner(outcomes, log, 0);
    },
  },
  {
    name: "of 20 concurrent appends by two processes exactly one succeeds",
    requires: ["shared"],
    async run(context) {
      const logs = [(await context.open()).log, (await context.peer()).log] as const;
      for (let round = 0, head = 0; round < 10; round += 1) {
        const outcomes = await race(head, (racer) => logs[racer % 2 === 0 ? 0 : 1]);
        await assertOneWinner(outcomes, logs[0], head);
        head = await logs[1].head("raced");
      }
    },
  },
  {
    name: "concurrent appends to different runs all succeed",
    async run(context) {
      const { log } = await context.open();
      const runs = Array.from({ length: 100 }, (_, nth) => `run-${nth}`);
      const positions = await Promise.all(runs.map((run) => put(log, frame(run, 0, run))));
      assert.equal(new Set(positions).size, runs.length);
      assert.deepEqual(new Set(bodiesOf(await all(log.read({})))), new Set(runs));
    },
  },
];

/** A part of `eventLogContract`. */
export const eventLogAppendContract: readonly ContractCase[] = [...expectations, ...concurrency];
