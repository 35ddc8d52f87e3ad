/** Keeps a projection true: from its saved copy, if there is one, then frame by frame from the log. */
import { openFrame } from "../events/frame.ts";
import { isMillraceError } from "../kernel/errors.ts";
import type { StoredFrame } from "../ports/event-log.ts";
import type { FoldedFrame, Projection } from "../projections/projection.ts";
import type { Engine } from "./engine.ts";

/** A copy is saved when so many frames were folded since the last one. */
const SAVE_EVERY_FRAMES = 2_000;

export class Projector<V> {
  readonly #engine: Engine;
  readonly #projection: Projection<V>;
  #view: V | undefined;
  #position = 0;
  #unsaved = 0;
  #running: Promise<V> | undefined;

  constructor(engine: Engine, projection: Projection<V>) {
    this.#engine = engine;
    this.#projection = projection;
  }

  /** The view, true up to the head of the log at the moment of the call or later. */
  async current(): Promise<V> {
    // Whoever comes while a pass is under way may have seen a newer head: it needs the next pass.
    if (this.#running !== undefined) await this.#running.catch(() => undefined);
    this.#running ??= this.#catchUp().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  /** Saves a copy if much has come since the last one; `always`: if anything has. */
  async save(always = false): Promise<void> {
    if (this.#view === undefined || this.#unsaved < (always ? 1 : SAVE_EVERY_FRAMES)) return;
    const bytes = Buffer.from(JSON.stringify(this.#projection.save(this.#view)));
    this.#unsaved = 0;
    await this.#engine.store.views.save(this.#key, { position: this.#position, bytes });
  }

  async #catchUp(): Promise<V> {
    this.#view ??= await this.#load();
    const view = this.#view;
    for await (const stored of this.#engine.store.log.read({ after: this.#position })) {
      this.#projection.apply(view, this.#open(stored));
      this.#position = stored.position;
      this.#unsaved++;
    }
    await this.save();
    return view;
  }

  async #load(): Promise<V> {
    const saved = await this.#engine.store.views.load(this.#key);
    if (saved === undefined) return this.#projection.initial();
    this.#position = saved.position;
    return this.#projection.restore(JSON.parse(Buffer.from(saved.bytes).toString("utf8")));
  }

  #open(stored: StoredFrame): FoldedFrame {
    try {
      return { place: stored, opened: openFrame(stored.run, stored.bytes, this.#engine.codecs) };
    } catch (error) {
      if (!isMillraceError(error, "E_FRAME_INVALID")) throw error;
      return { place: stored, opened: { damaged: error.message } };
    }
  }

  get #key(): string {
    return `${this.#projection.name}.${this.#projection.version}`;
  }
}
