/** Saved projections in memory. */
import { type Cursor, isAhead, isNews } from "../../ports/cursor.ts";
import type { SavedView, ViewStore } from "../../ports/view-store.ts";
import { Gate } from "./gate.ts";

/** One opening of a shared map from key to view. */
export class MemoryViewStore implements ViewStore {
  readonly #gate = new Gate("view store");
  readonly #views: Map<string, SavedView>;

  constructor(views: Map<string, SavedView>) {
    this.#views = views;
  }

  async load(key: string, aheadOf?: Cursor): Promise<SavedView | undefined> {
    this.#gate.pass();
    const view = this.#views.get(key);
    if (view === undefined || !isNews(view.position, aheadOf)) return undefined;
    return copyOf(view);
  }

  async save(key: string, view: SavedView): Promise<void> {
    this.#gate.pass();
    const present = this.#views.get(key);
    if (present === undefined || !isAhead(present.position, view.position)) {
      this.#views.set(key, copyOf(view));
    }
  }

  async delete(key: string): Promise<void> {
    this.#gate.pass();
    this.#views.delete(key);
  }

  async close(): Promise<void> {
    this.#gate.shut();
  }
}

const copyOf = ({ position, bytes }: SavedView): SavedView => ({ position, bytes: bytes.slice() });
