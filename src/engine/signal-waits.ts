/**
 * Open waits for signals, and the signals that answer them. Users' code may choose among signals
 * (`where`) and refuse their payloads (`schema`), so this is the engine's; decisions are the domain's.
 */
import type { Signal } from "../../machines/run-data.ts";
import type { BlobStore } from "../ports/blob-store.ts";
import type { Draft } from "./draft.ts";
import { fromValue, handOut } from "./values.ts";

/** What is known of a wait that the code asked for. */
export interface AskedWait {
  /** Name of the signal. */
  readonly name: string;
  readonly where?: ((payload: unknown) => boolean) | undefined;
}

/** What becomes of a wait beyond the event that ends it. */
export interface WaitEnds {
  /** Its `where` threw: the wait stays open. */
  misfit(wait: string, thrown: unknown): void;
  /** It has got this signal; called after that is in the draft. */
  matched?(wait: string, signal: Signal): Promise<void>;
}

/** One per time that a run is held. */
export class SignalWaits {
  readonly #blobs: BlobStore;
  /** Per name: no signal before this index is still to be had. */
  readonly #firstFree = new Map<string, number>();

  constructor(blobs: BlobStore) {
    this.#blobs = blobs;
  }

  /** Gives open waits the signals that fit them, then ends those whose time is over. */
  async answer(
    draft: Draft,
    askedFor: (wait: string) => AskedWait | undefined,
    ends: WaitEnds,
  ): Promise<void> {
    const { state, now } = draft;
    for (const [wait, { approval }] of Object.entries(state.run.context.waits)) {
      const asked = approval === undefined ? askedFor(wait) : undefined;
      if (asked === undefined || state.run.state !== "running") continue;
      const signal = await this.#fitting(draft, wait, asked, ends);
      if (signal === undefined) draft.run({ type: "cmd.expire_wait", now, wait });
      else if (draft.run({ type: "cmd.match_wait", now, wait, signal: signal.id }) === undefined) {
        await ends.matched?.(wait, signal);
      }
    }
  }

  async #fitting(
    draft: Draft,
    wait: string,
    { name, where }: AskedWait,
    { misfit }: WaitEnds,
  ): Promise<Signal | undefined> {
    const { state } = draft;
    const { signals } = state.run.context;
    for (let at = this.#skipOthers(signals, name); at < signals.length; at++) {
      const signal = signals[at];
      if (signal === undefined || !isFree(signal, name)) continue;
      if (where === undefined) return signal;
      const payload = handOut(await fromValue(this.#blobs, signal.payload, state));
      try {
        if (where(payload)) return signal;
      } catch (thrown) {
        misfit(wait, thrown);
        return undefined;
      }
    }
    return undefined;
  }

  #skipOthers(signals: readonly (Signal | undefined)[], name: string): number {
    let at = this.#firstFree.get(name) ?? 0;
    for (let signal = signals[at]; signal !== undefined; signal = signals[++at]) {
      if (isFree(signal, name)) break;
    }
    this.#firstFree.set(name, at);
    return at;
  }
}

const isFree = (signal: Signal, name: string): boolean =>
  signal.takenBy === null && signal.name === name && signal.decision === undefined;
