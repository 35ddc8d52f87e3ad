/** Keeps a run index true: what the log has past it is folded in, in batches, whoever is first. */
import { hash } from "node:crypto";
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
    const head = await this.#engine.store.log.head();
    if (!this.#trusted) await this.#check(index);
    while (index.upTo().position < head) {
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
    const { position, anchor } = index.upTo();
    if (position > 0 && anchor !== GONE) {
      const range = { after: position - 1, upTo: position, tombstones: true } as const;
      let found = false;
      for await (const stored of this.#engine.store.log.read(range)) {
        found = anchorOf(stored) === anchor;
      }
      if (!found) index.clear();
    }
    this.#trusted = true;
  }

  async #catchUp(index: RunIndex, head: number): Promise<void> {
    let batch = new Batch(index);
    const range = { after: index.upTo().position, tombstones: true } as const;
    for await (const stored of this.#engine.store.log.read(range)) {
      batch.take(this.#engine, stored);
      if (batch.frames < BATCH_FRAMES) continue;
      if (!batch.write()) return;
      batch = new Batch(index);
    }
    // What stood at the head may have been erased before it was read.
    batch.write(head);
  }
}

/** Frames that are folded and not yet in the index. */
class Batch {
  readonly #index: RunIndex;
  readonly #from: number;
  readonly #changed: RunSummaries = new Map();
  readonly #removed = new Set<string>();
  #to = { position: 0, anchor: "" };
  frames = 0;

  constructor(index: RunIndex) {
    this.#index = index;
    this.#to = index.upTo();
    this.#from = this.#to.position;
  }

  take(engine: Engine, stored: StoredFrame): void {
    const { run } = stored;
    if (!this.#changed.has(run) && !this.#removed.has(run)) {
      const known = this.#index.get(run);
      if (known !== undefined) this.#changed.set(run, known);
    }
    project(runSummary, this.#changed, run, openStored(engine, stored));
    if (!this.#changed.has(run)) this.#removed.add(run);
    this.#to = { position: stored.position, anchor: anchorOf(stored) };
    this.frames++;
  }

  write(head = 0): boolean {
    const beyond = head > this.#to.position;
    const to = beyond ? { position: head, anchor: GONE } : this.#to;
    const changed = [...this.#changed.values()];
    return this.#index.apply({ changed, removed: [...this.#removed], from: this.#from, to });
  }
}

const anchorOf = ({ bytes }: StoredFrame): string => hash("sha256", bytes, "base64url");
