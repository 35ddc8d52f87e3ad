/**
 * How far a reader of many runs has come. A log of one partition has one order, and a position says it all.
 * Over several partitions there is no order, so there it takes a position in each:
 *
 *   partition 0   0───3───6───9              positions are sequence × 3 + partition
 *   partition 1   1───4───7───10───13
 *   partition 2   2───5                      cursor [6, 13, 0]: three readers, at 6, at 13, and at the start
 *
 * So a position belongs to one partition, and it alone tells to which. For one partition a cursor is a
 * plain number, and nothing here allocates.
 */
import { MillraceError } from "../kernel/errors.ts";

/**
 * The place of a frame: a positive integer that no other frame of the log has, strictly increasing within a
 * run, and over all runs that share a partition; with gaps.
 */
export type Position = number;

/**
 * Everything up to here: a position with one partition, with several one position for each. 0 in place of
 * either is the beginning.
 */
export type Cursor = Position | readonly Position[];

/** The beginning of a log of so many partitions. */
export const startOf = (partitions: number): Cursor =>
  partitions === 1 ? 0 : Array.from({ length: partitions }, () => 0);

/** In how many partitions the cursor has a place. */
export const partitionsOf = (cursor: Cursor): number =>
  typeof cursor === "number" ? 1 : cursor.length;

/**
 * A cursor as it is used in a log of so many partitions: 0 becomes its beginning.
 * @throws MillraceError `E_OPTION_INVALID` for a place in a log that is divided otherwise
 */
export function cursorIn(partitions: number, cursor: Cursor): Cursor {
  if (cursor === 0) return startOf(partitions);
  if (isOf(partitions, cursor)) return cursor;
  throw misplaced(
    cursor,
    partitions === 1
      ? "of one run, or of a log that has one partition, a place is one position"
      : `among runs of ${partitions} partitions a place is ${partitions} positions, one of each: what \`cursor\` of a subscription gives`,
  );
}

const misplaced = (cursor: Cursor, why: string): MillraceError =>
  new MillraceError(
    "E_OPTION_INVALID",
    `position: ${printCursor(cursor)} is no place here; ${why}`,
    {
      details: { option: "position" },
    },
  );

/** Whether the cursor can be a place in a log of so many partitions. */
export const isOf = (partitions: number, cursor: Cursor): boolean =>
  typeof cursor === "number" ? partitions === 1 : cursor.length === partitions && partitions > 1;

/**
 * A cursor that must be a position, because its log, or what is read of it, has one order.
 * @throws MillraceError `E_OPTION_INVALID`
 */
export function positionIn(cursor: Cursor): Position {
  return typeof cursor === "number" ? cursor : (cursorIn(1, cursor) as Position);
}

/** How far the cursor is in the partition of this position. */
export const at = (cursor: Cursor, position: Position): Position =>
  typeof cursor === "number" ? cursor : (cursor[position % cursor.length] ?? 0);

/** Whether the frame at this position lies at or before the cursor. */
export const covers = (cursor: Cursor, position: Position): boolean =>
  at(cursor, position) >= position;

/** The cursor, moved to this position in its partition, whether that is ahead or back. */
export function moved(cursor: Cursor, position: Position, to: Position = position): Cursor {
  return typeof cursor === "number" ? to : cursor.with(position % cursor.length, to);
}

/** The cursor, past the frame at this position. */
export const advance = (cursor: Cursor, position: Position): Cursor =>
  covers(cursor, position) ? cursor : moved(cursor, position);

/** The cursor, moved to right before the frame at this position: a read from there begins with it. */
export const before = (cursor: Cursor, position: Position): Cursor =>
  moved(cursor, position, Math.max(0, position - partitionsOf(cursor)));

/** Whether the cursor is at least as far as the other in every partition. */
export function reaches(cursor: Cursor, other: Cursor): boolean {
  if (typeof other === "number") return covers(cursor, other);
  return typeof cursor === "number"
    ? other.every((position) => position === 0)
    : cursor.every((position, partition) => position >= (other[partition] ?? 0));
}

/** Whether both are the same place. */
export const isSame = (cursor: Cursor, other: Cursor): boolean =>
  cursor === other || (reaches(cursor, other) && reaches(other, cursor));

/** Whether the cursor is further than the other in some partition, and behind it in none. */
export const isAhead = (cursor: Cursor, other: Cursor): boolean =>
  reaches(cursor, other) && !reaches(other, cursor);

/** Whether whoever is here already, or nowhere yet, has any use for what is true up to the cursor. */
export const isNews = (cursor: Cursor, here: Cursor | undefined): boolean =>
  here === undefined || isAhead(cursor, here);

/** About how many frames lie between: positions have gaps, and every partition its own. */
export function framesBetween(cursor: Cursor, head: Cursor): number {
  if (typeof head === "number") return head - at(cursor, head);
  return head.reduce((sum, end) => sum + (end - at(cursor, end)) / head.length, 0);
}

/** As far as whichever is further, in each partition. */
export function furthest(cursor: Cursor, other: Cursor): Cursor {
  if (reaches(cursor, other)) return cursor;
  if (typeof cursor === "number" || typeof other === "number") return other;
  return cursor.map((position, partition) => Math.max(position, other[partition] ?? 0));
}

/** For people, and to be read by `parseCursor`: `12`, or `12.7.9`. */
export const printCursor = (cursor: Cursor): string =>
  typeof cursor === "number" ? String(cursor) : cursor.join(".");

const PRINTED = /^\d+(\.\d+)*$/;

/** The cursor that was printed; undefined for any other text. */
export function parseCursor(text: string): Cursor | undefined {
  if (!PRINTED.test(text)) return undefined;
  const positions = text.split(".").map(Number);
  if (!positions.every(Number.isSafeInteger)) return undefined;
  return positions.length === 1 ? positions[0] : positions;
}
