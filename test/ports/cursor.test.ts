/** Cursors: whatever they are moved past they cover, and nothing else. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  advance,
  before,
  type Cursor,
  covers,
  cursorIn,
  framesBetween,
  furthest,
  isAhead,
  isSame,
  parseCursor,
  partitionsOf,
  printCursor,
  reaches,
  startOf,
} from "../../src/ports/cursor.ts";

const partitions = fc.integer({ min: 1, max: 7 });
/** Positions of frames: the sequence in its partition, times their number, plus the partition. */
const frames = (count: number): fc.Arbitrary<readonly number[]> =>
  fc.array(
    fc
      .tuple(fc.integer({ min: 1, max: 40 }), fc.nat(count - 1))
      .map(([sequence, partition]) => sequence * count + partition),
    { maxLength: 60 },
  );
const past = (count: number, positions: readonly number[]): Cursor =>
  positions.reduce<Cursor>(advance, startOf(count));
/** The same, said without cursors: the last of each partition. */
const isPast = (count: number, positions: readonly number[], position: number): boolean =>
  positions.some((one) => one % count === position % count && one >= position);

const scene = partitions.chain((count) =>
  fc.record({ count: fc.constant(count), one: frames(count), other: frames(count) }),
);

describe("a cursor", () => {
  it("covers what it was moved past and what lies before that in its partition, and nothing else", () => {
    fc.assert(
      fc.property(scene, ({ count, one, other }) => {
        const cursor = past(count, one);
        expect(partitionsOf(cursor)).toBe(count);
        for (const position of [...one, ...other]) {
          expect(covers(cursor, position)).toBe(isPast(count, one, position));
        }
      }),
    );
  });

  it("is as many frames behind another as that was moved past, in partitions without gaps", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 7 }), fc.nat(50), fc.nat(50), (count, done, more) => {
        const upTo = (frames: number): Cursor =>
          past(
            count,
            Array.from({ length: frames }, (_, nth) => count + nth),
          );
        const behind = framesBetween(upTo(done), upTo(done + more));
        expect(Math.abs(behind - more)).toBeLessThanOrEqual(count);
      }),
    );
  });

  it("is the same in whatever order it was moved", () => {
    fc.assert(
      fc.property(scene, ({ count, one, other }) => {
        const joined = past(count, [...one, ...other]);
        expect(isSame(joined, past(count, [...other, ...one]))).toBe(true);
        expect(furthest(past(count, one), past(count, other))).toEqual(joined);
      }),
    );
  });

  it("reaches another where it covers all of it", () => {
    fc.assert(
      fc.property(scene, ({ count, one, other }) => {
        const [left, right] = [past(count, one), past(count, other)];
        expect(reaches(left, right)).toBe(other.every((position) => covers(left, position)));
        expect(isAhead(left, right)).toBe(reaches(left, right) && !reaches(right, left));
        expect(isSame(left, right)).toBe(reaches(left, right) && reaches(right, left));
      }),
    );
  });

  it("right before a frame covers what is before it in its partition, and not the frame", () => {
    fc.assert(
      fc.property(scene, ({ count, one }) => {
        for (const position of one) {
          const cursor = before(past(count, one), position);
          expect(covers(cursor, position)).toBe(false);
          const previous = position - count;
          if (previous >= count) expect(covers(cursor, previous)).toBe(true);
          expect(isSame(past(count, one), advance(past(count, one), position))).toBe(true);
        }
      }),
    );
  });

  it("is read as it was printed", () => {
    fc.assert(
      fc.property(scene, ({ count, one }) => {
        const cursor = past(count, one);
        expect(parseCursor(printCursor(cursor))).toEqual(cursor);
      }),
    );
    for (const text of ["", ".", "1.", "-1", "1..2", "1.x", "9".repeat(17)]) {
      expect(parseCursor(text)).toBe(undefined);
    }
  });

  it("is refused in a log that is divided otherwise, except at the beginning", () => {
    expect(cursorIn(3, 0)).toEqual([0, 0, 0]);
    expect(cursorIn(1, 12)).toBe(12);
    expect(() => cursorIn(3, 12)).toThrow("among runs of 3 partitions a place is 3 positions");
    expect(() => cursorIn(3, [3, 4])).toThrow("3.4 is no place here");
    expect(() => cursorIn(1, [3, 4])).toThrow("a place is one position");
  });
});
