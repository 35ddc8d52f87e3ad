/** Event log: what reads and heads promise. */
import assert from "node:assert/strict";
import type { EventLog, ReadRange } from "../../ports/event-log.ts";
import { assertSameBytes, encode } from "./contents.ts";
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

/** Two runs of "flow" and one of "other", interleaved: a b x a b x … Returns all positions. */
async function interleaved(log: EventLog): Promise<readonly number[]> {
  const heads = { a: 0, b: 0, x: 0 };
  const positions: number[] = [];
  for (let round = 1; round <= 4; round += 1)
    for (const run of ["a", "b", "x"] as const) {
      const workflow = run === "x" ? "other" : "flow";
      heads[run] = await put(log, frame(run, heads[run], `${run} ${round}`, workflow));
      positions.push(heads[run]);
    }
  return positions;
}

/** A case that compares what ranges of the interleaved log give with the bodies due. */
const ranges = (
  name: string,
  expectations: (positions: readonly number[]) => readonly (readonly [ReadRange, string])[],
): ContractCase => ({
  name,
  requires: ["ordered"],
  async run(context) {
    const { log } = await context.open();
    for (const [range, bodies] of expectations(await interleaved(log))) {
      const got = await context.within(JSON.stringify(range), all(log.read(range)));
      assert.equal(bodiesOf(got).join(), bodies, JSON.stringify(range));
    }
  },
});

const reads: readonly ContractCase[] = [
  {
    name: "an empty log gives nothing, and so does a missing run or workflow",
    async run(context) {
      const { log } = await context.open();
      assert.deepEqual(await all(log.read({})), []);
      await putMany(log, "a", 2);
      assert.deepEqual(await all(log.read({ run: "missing" })), []);
      assert.deepEqual(await all(log.read({ workflow: "missing" })), []);
    },
  },
  {
    name: "without a scope all frames come, in order of position, with run and workflow",
    requires: ["ordered"],
    async run(context) {
      const { log } = await context.open();
      const positions = await interleaved(log);
      const got = await all(log.read({}));
      assert.deepEqual(positionsOf(got), positions);
      assert.deepEqual(
        got.slice(0, 3).map((one) => [one.workflow, one.run]),
        [
          ["flow", "a"],
          ["flow", "b"],
          ["other", "x"],
        ],
      );
    },
  },
  ranges("a run's frames come in order, and no others", () => [
    [{ run: "a" }, "a 1,a 2,a 3,a 4"],
    [{ run: "x" }, "x 1,x 2,x 3,x 4"],
    [{ run: "x", workflow: "other" }, "x 1,x 2,x 3,x 4"],
  ]),
  ranges("a workflow's frames come in order, and no others", () => [
    [{ workflow: "flow" }, "a 1,b 1,a 2,b 2,a 3,b 3,a 4,b 4"],
    [{ workflow: "other" }, "x 1,x 2,x 3,x 4"],
  ]),
  ranges("`after` excludes its position, also when that is another run's", (at) => [
    [{ run: "a", after: at[0] ?? 0 }, "a 2,a 3,a 4"],
    [{ run: "a", after: at[1] ?? 0 }, "a 2,a 3,a 4"],
    [{ run: "a", after: (at[3] ?? 0) - 1 }, "a 2,a 3,a 4"],
    [{ workflow: "flow", after: at[8] ?? 0 }, "a 4,b 4"],
    [{ after: at[9] ?? 0 }, "b 4,x 4"],
    [{ after: 0, run: "b" }, "b 1,b 2,b 3,b 4"],
  ]),
  ranges("`upTo` includes its position, also when that is another run's", (at) => [
    [{ run: "a", upTo: at[3] ?? 0 }, "a 1,a 2"],
    [{ run: "a", upTo: at[5] ?? 0 }, "a 1,a 2"],
    [{ workflow: "other", upTo: at[4] ?? 0 }, "x 1"],
    [{ upTo: at[1] ?? 0 }, "a 1,b 1"],
    [{ run: "a", upTo: 0 }, ""],
  ]),
  ranges("`after` and `upTo` together bound both sides", (at) => [
    [{ run: "a", after: at[0] ?? 0, upTo: at[6] ?? 0 }, "a 2,a 3"],
    [{ after: at[0] ?? 0, upTo: at[2] ?? 0 }, "b 1,x 1"],
    [{ workflow: "flow", after: at[2] ?? 0, upTo: at[4] ?? 0 }, "a 2,b 2"],
  ]),
  ranges("an empty or inverted range gives nothing", (at) => [
    [{ run: "a", after: at[3] ?? 0, upTo: at[3] ?? 0 }, ""],
    [{ run: "a", after: at[6] ?? 0, upTo: at[3] ?? 0 }, ""],
    [{ after: at[6] ?? 0, upTo: at[3] ?? 0 }, ""],
    [{ run: "a", after: at[6] ?? 0, upTo: 0 }, ""],
  ]),
  ranges("a range past the head ends there instead of waiting", (at) => [
    [{ run: "a", upTo: 1_000_000 }, "a 1,a 2,a 3,a 4"],
    [{ after: at[10] ?? 0, upTo: 1_000_000 }, "x 4"],
    [{ after: at[11] ?? 0 }, ""],
    [{ after: 1_000_000 }, ""],
    [{ run: "a", after: 1_000_000, upTo: 2_000_000 }, ""],
    [{ run: "a", after: at[9] ?? 0 }, ""],
  ]),
  ranges("`limit` gives the first so many; 0 gives none", (at) => [
    [{ run: "a", limit: 1 }, "a 1"],
    [{ limit: 2 }, "a 1,b 1"],
    [{ run: "a", limit: 4 }, "a 1,a 2,a 3,a 4"],
    [{ run: "a", limit: 100 }, "a 1,a 2,a 3,a 4"],
    [{ run: "a", limit: 0 }, ""],
    [{ limit: 0 }, ""],
    [{ run: "a", after: at[0] ?? 0, limit: 2 }, "a 2,a 3"],
    [{ run: "a", upTo: at[3] ?? 0, limit: 3 }, "a 1,a 2"],
    [{ workflow: "flow", after: at[0] ?? 0, upTo: at[9] ?? 0, limit: 2 }, "b 1,a 2"],
  ]),
  {
    name: "a read ends at the head it began with, whatever is appended meanwhile",
    async run(context) {
      const { log } = await context.open();
      let head = (await putMany(log, "a", 3)).at(-1) ?? 0;
      const bodies: number[] = [];
      for await (const stored of log.read({ run: "a" })) {
        bodies.push(stored.position);
        head = await put(log, frame("a", head, `after ${stored.position}`));
      }
      assert.equal(bodies.length, 3);
      assert.equal((await all(log.read({ run: "a" }))).length, 6);
    },
  },
  {
    name: "a read may be left early, and reads may run side by side",
    requires: ["ordered"],
    async run(context) {
      const { log } = await context.open();
      await interleaved(log);
      for await (const stored of log.read({})) {
        assert.equal(stored.run, "a");
        break;
      }
      const [left, right] = await Promise.all([
        all(log.read({ run: "a" })),
        all(log.read({ run: "b" })),
      ]);
      assert.equal(bodiesOf([...left, ...right]).join(), "a 1,a 2,a 3,a 4,b 1,b 2,b 3,b 4");
    },
  },
  {
    name: "bytes belong to the reader: changing them changes nothing for the next",
    async run(context) {
      const { log } = await context.open();
      await put(log, frame("a", 0, "intact"));
      const follower = follow(context, log, { run: "a" });
      for (const stored of [...(await all(log.read({}))), ...(await follower.take(1))])
        stored.bytes.fill(0);
      const [again] = await all(log.read({ run: "a" }));
      assertSameBytes(again?.bytes, encode("intact"));
    },
  },
  {
    name: "1,000 frames of 20 runs are read whole and in order",
    async run(context) {
      const { log } = await context.open();
      const runs = Array.from({ length: 20 }, (_, nth) => `run-${nth}`);
      const written = await Promise.all(runs.map((run) => putMany(log, run, 50)));
      const got = await all(log.read({}));
      const sorted = written.flat().sort((left, right) => left - right);
      assert.deepEqual(positionsOf(got), sorted);
      const ofOne = await all(log.read({ run: "run-7" }));
      assert.deepEqual(positionsOf(ofOne), written[7]);
    },
  },
];

const heads: readonly ContractCase[] = [
  {
    name: "the head is 0 for an empty log and for a missing run",
    requires: ["ordered"],
    async run(context) {
      const { log } = await context.open();
      assert.equal(await log.head(), 0);
      assert.equal(await log.head("missing"), 0);
      await putMany(log, "a", 1);
      assert.equal(await log.head("missing"), 0);
    },
  },
  {
    name: "the head is the position of the last frame, of a run and of the log",
    requires: ["ordered"],
    async run(context) {
      const { log } = await context.open();
      const positions = await interleaved(log);
      assert.equal(await log.head("a"), positions[9]);
      assert.equal(await log.head("b"), positions[10]);
      assert.equal(await log.head(), positions[11]);
    },
  },
];

/** A part of `eventLogContract`. */
export const eventLogReadContract: readonly ContractCase[] = [...reads, ...heads];
