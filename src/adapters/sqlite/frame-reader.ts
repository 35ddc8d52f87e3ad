/** Reads stored frames, a bounded piece at a time: a read never holds the event loop for long. */
import type { StatementSync } from "node:sqlite";
import type { LogScope, Position, StoredFrame } from "../../ports/event-log.ts";
import type { Backend } from "./backend.ts";
import { positionBase, positionLimit } from "./schema.ts";

/** A piece ends after so many frames, so many bytes, or so many positions looked at. */
const FRAMES_PER_PIECE = 512;
const BYTES_PER_PIECE = 1024 * 1024;
const POSITIONS_PER_PIECE = 4_096;

/** Some frames in order, and where to go on. */
export interface Piece {
  readonly frames: readonly StoredFrame[];
  /** Every frame of the scope up to here is in this piece or was in an earlier one. */
  readonly scannedTo: Position;
}

/** Frames with `after < position <= upTo`. */
export interface Span {
  readonly after: Position;
  readonly upTo: Position;
}

interface Row {
  readonly position: number;
  readonly run: string;
  readonly workflow: string;
  readonly bytes: Uint8Array;
}

export class FrameReader {
  readonly #base: number;
  readonly #limit: number;
  readonly #namespace: number;
  readonly #head: StatementSync;
  readonly #headOfRun: StatementSync;
  readonly #ofRun: StatementSync;
  readonly #ofAll: StatementSync;

  constructor({ db, namespace }: Backend) {
    this.#namespace = namespace;
    this.#base = positionBase(namespace);
    this.#limit = positionLimit(namespace);
    this.#head = db.prepare(
      "SELECT max(position) AS head FROM frames WHERE position BETWEEN ? AND ?",
    );
    this.#headOfRun = db.prepare(
      `SELECT (SELECT max(position) FROM frames WHERE frames.run = runs.id) AS head
       FROM runs WHERE namespace = ? AND run = ?`,
    );
    this.#ofRun = db.prepare(
      `SELECT frames.position, runs.run, runs.workflow, frames.bytes
       FROM runs CROSS JOIN frames ON frames.run = runs.id
       WHERE runs.namespace = ? AND runs.run = ? AND frames.position > ? AND frames.position <= ?
         AND (length(frames.bytes) > 0 OR ?)
       ORDER BY frames.position`,
    );
    this.#ofAll = db.prepare(
      `SELECT frames.position, runs.run, runs.workflow, frames.bytes
       FROM frames CROSS JOIN runs ON runs.id = frames.run
       WHERE frames.position > ? AND frames.position <= ? AND (runs.workflow = ?3 OR ?3 IS NULL)
         AND (length(frames.bytes) > 0 OR ?4)
       ORDER BY frames.position`,
    );
  }

  /** Position of the last frame or tombstone of the run, or of the log; 0 when there is none. */
  head(run?: string): Position {
    const row =
      run === undefined
        ? this.#head.get(this.#base, this.#limit)
        : this.#headOfRun.get(this.#namespace, run);
    const head = (row as { head: number | null } | undefined)?.head ?? this.#base;
    return head - this.#base;
  }

  /** The first frames of the span that belong to the scope, at most `limit`. */
  piece(scope: LogScope, { after, upTo }: Span, limit: number): Piece {
    const end = scope.run === undefined ? Math.min(upTo, after + POSITIONS_PER_PIECE) : upTo;
    const frames: StoredFrame[] = [];
    let bytes = 0;
    for (const row of this.#rows(scope, after, end)) {
      if (scope.workflow !== undefined && row.workflow !== scope.workflow) continue;
      const position = row.position - this.#base;
      // A run that began anew behind its tombstone has a workflow again; the tombstone has none.
      const workflow = row.bytes.byteLength > 0 ? row.workflow : "";
      frames.push({ workflow, run: row.run, position, bytes: row.bytes });
      bytes += row.bytes.byteLength;
      if (frames.length >= Math.min(limit, FRAMES_PER_PIECE) || bytes >= BYTES_PER_PIECE)
        return { frames, scannedTo: position };
    }
    return { frames, scannedTo: end };
  }

  #rows({ run, workflow, tombstones }: LogScope, after: Position, upTo: Position): Iterable<Row> {
    const [low, high] = [this.#base + after, this.#base + Math.min(upTo, this.#limit - this.#base)];
    const rows =
      run === undefined
        ? this.#ofAll.iterate(low, high, workflow ?? null, tombstones ? 1 : 0)
        : this.#ofRun.iterate(this.#namespace, run, low, high, tombstones ? 1 : 0);
    return rows as Iterable<unknown> as Iterable<Row>;
  }
}
