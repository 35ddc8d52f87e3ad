/** Keeps a run index true: what the log has past it is folded in, in batches, whoever is first. */
import { hash } from "node:crypto";
import {
  advance,
  before,
  type Cursor,
  covers,
  cursorIn,
  furthest,
  isOf,
  partitionsOf,
  reaches,
} from "../../ports/cursor.ts";
import type { StoredFrame } from "../../ports/event-log.ts";
import type { RunIndex } from "../../ports/run-index.ts";
import { type RunSummaries, runSummary } from "../../projections/run-summary.ts";
import type { Engine } from "../engine.ts";
import { openStored, project } from "./projector.ts";

/** In place of the digest of a frame that was erased before it was read. */
const GONE = "gone";
/** Frames per batch: what is kept in memory, and what another process may have to do again. */
const BATCH_FRAMES = 5_000;

export class RunIndexKeeper {
  readonly #engine: Engine;
  readonly #open: () => Promise<RunIndex>;
  #index: Promise<RunIndex> | undefined;
  #trusted = false;
  #running: Promise<void> | undefined;

  /** @param open opens the index when it is needed first */
  constructor(engine: Engine, open: () => Promise<RunIndex>) {
    this.#engine = engine;
    this.#open = open;
  }

  /** The index, true up to the head of the log at the moment of the call or later. */
  async current(): Promise<RunIndex> {
    this.#index ??= this.#open();
    const index = await this.#index;
    const { log } = this.#engine.store;
    const { partitions } = log;
    const head = await log.head();
    if (!this.#trusted) await this.#check(index);
    while (!reaches(cursorIn(partitions, index.upTo().position), head)) {
      this.#running ??= this.#catchUp(index, head).finally(() => {
        this.#running = undefined;
      });
      await this.#running;
    }
    return index;
  }

  async close(): Promise<void> {
    const index = this.#index;
    this.#index = undefined;
    (await index)?.close();
  }

  /** An index of another log, or of one that was restored since, is of no use: it begins anew. */
  async #check(index: RunIndex): Promise<void> {
    const { position: upTo, anchor } = index.upTo();
    const { partitions } = this.#engine.store.log;
    if (upTo !== 0 && !(isOf(partitions, upTo) && (await this.#isOf(upTo, anchor)))) index.clear();
    this.#trusted = true;
  }

  /** Whether the log has these frames at the cursor. */
  async #isOf(upTo: Cursor, anchor: string): Promise<boolean> {
    const anchors = anchor.split(".");
    const positions = typeof upTo === "number" ? [upTo] : upTo;
    for (const [partition, position] of positions.entries()) {
      const due = anchors[partition];
      if (position === 0 || due === GONE) continue;
      const range = { after: before(upTo, position), upTo, tombstones: true } as const;
      let found = false;
      for await (const stored of this.#engine.store.log.read(range)) {
        found = anchorOf(stored) === due;
      }
      if (!found) return false;
    }
    return true;
  }

  async #catchUp(index: RunIndex, head: Cursor): Promise<void> {
    const { partitions } = this.#engine.store.log;
    let batch = new Batch(index, partitions);
    const range = { after: index.upTo().position, tombstones: true } as const;
    for await (const stored of this.#engine.store.log.read(range)) {
      batch.take(this.#engine, stored);
      if (batch.frames < BATCH_FRAMES) continue;
      if (!batch.write()) return;
      batch = new Batch(index, partitions);
    }
    // What stood at the head may have been erased before it was read.
    batch.write(head);
  }
}

/** Frames that are folded and not yet in the index. */
class Batch {
  readonly #index: RunIndex;
  readonly #from: Cursor;
  readonly #changed: RunSummaries = new Map();
  readonly #removed = new Set<string>();
  #to: Cursor;
  /** By partition. */
  readonly #anchors: string[];
  frames = 0;

  constructor(index: RunIndex, partitions: number) {
    this.#index = index;
    const { position, anchor } = index.upTo();
    this.#from = position;
    this.#to = cursorIn(partitions, position);
    this.#anchors = anchor.split(".");
  }

  take(engine: Engine, stored: StoredFrame): void {
    const { run } = stored;
    if (!this.#changed.has(run) && !this.#removed.has(run)) {
      const known = this.#index.get(run);
      if (known !== undefined) this.#changed.set(run, known);
    }
    project(runSummary, this.#changed, run, openStored(engine, stored));
    if (!this.#changed.has(run)) this.#removed.add(run);
    this.#to = advance(this.#to, stored.position);
    this.#anchors[stored.position % partitionsOf(this.#to)] = anchorOf(stored);
    this.frames++;
  }

  write(head: Cursor = this.#to): boolean {
    const position = furthest(this.#to, head);
    for (const [partition, end] of (typeof head === "number" ? [head] : head).entries()) {
      if (!covers(this.#to, end)) this.#anchors[partition] = GONE;
    }
    const to = { position, anchor: Array.from(this.#anchors, (one) => one ?? "").join(".") };
    const changed = [...this.#changed.values()];
    return this.#index.apply({ changed, removed: [...this.#removed], from: this.#from, to });
  }
}

const anchorOf = ({ bytes }: StoredFrame): string => hash("sha256", bytes, "base64url");
