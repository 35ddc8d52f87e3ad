/** Open waits of a code workflow, and the signals that answer them. */
import type { RunState } from "../domain/state.ts";
import { toFailure } from "../events/failure.ts";
import type { BlobStore } from "../ports/blob-store.ts";
import type { CodeSession, RequestedWait } from "../workflow/session.ts";
import type { Draft } from "./draft.ts";
import { fromValue, handOut } from "./values.ts";

/** One per time that a run is held. */
export class CodeWaits {
  readonly #blobs: BlobStore;
  /** Per name: no signal before this index is still to be had. */
  readonly #firstUntaken = new Map<string, number>();

  constructor(blobs: BlobStore) {
    this.#blobs = blobs;
  }

  /** Gives open waits the signals that fit them, then ends those whose time is over. */
  async answer(draft: Draft, session: CodeSession): Promise<void> {
    const { state, now } = draft;
    for (const wait of Object.keys(state.run.context.waits)) {
      // Asked for by an earlier execution of the function, and not yet by this one: its turn will come.
      const asked = session.wait(wait);
      if (asked === undefined) continue;
      const signal = await this.#fitting(draft, asked);
      if (signal !== undefined) draft.run({ type: "cmd.match_wait", now, wait, signal });
      else draft.run({ type: "cmd.expire_wait", now, wait });
    }
  }

  async #fitting(draft: Draft, { name, where }: RequestedWait): Promise<string | undefined> {
    const { state } = draft;
    const { signals } = state.run.context;
    for (let at = this.#skipTaken(state, name); at < signals.length; at++) {
      const signal = signals[at];
      if (signal === undefined || signal.takenBy !== null || signal.name !== name) continue;
      if (where === undefined) return signal.id;
      const payload = handOut(await fromValue(this.#blobs, signal.payload, state));
      try {
        if (where(payload)) return signal.id;
      } catch (thrown) {
        draft.fail(toFailure(thrown));
        return undefined;
      }
    }
    return undefined;
  }

  #skipTaken(state: RunState, name: string): number {
    const { signals } = state.run.context;
    let at = this.#firstUntaken.get(name) ?? 0;
    while (at < signals.length && (signals[at]?.takenBy !== null || signals[at]?.name !== name))
      at++;
    this.#firstUntaken.set(name, at);
    return at;
  }
}
