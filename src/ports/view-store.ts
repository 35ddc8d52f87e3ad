import type { Cursor } from "./cursor.ts";

/** A saved projection: its bytes, and the place in the log up to which they are true. */
export interface SavedView {
  readonly position: Cursor;
  readonly bytes: Uint8Array;
}

/**
 * Disposable copies of projections, so that a restart need not fold the whole log. Losing one costs
 * time, never truth. Keys match `^[A-Za-z0-9][A-Za-z0-9_.-]{0,200}$`.
 */
export interface ViewStore {
  /** @param aheadOf only a copy that is further: for whoever has one already */
  load(key: string, aheadOf?: Cursor): Promise<SavedView | undefined>;
  /**
   * Saves unless a copy is there that is further in some partition, and in none behind; then nothing
   * changes.
   */
  save(key: string, view: SavedView): Promise<void>;
  delete(key: string): Promise<void>;
  close(): Promise<void>;
}
