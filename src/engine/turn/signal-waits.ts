/**
 * Open waits for signals, and the signals that answer them. Users' code may choose among signals
 * (`where`) and refuse their payloads (`schema`), so this is the engine's; decisions are the domain's.
 */
import type { Signal } from "../../../machines/run-data.ts";
import type { RunState } from "../../domain/state.ts";
import type { BlobStore } from "../../ports/blob-store.ts";
import { fromValue, handOut } from "../values/values.ts";
import type { Draft } from "./draft.ts";

/** What is known of a wait that the code asked for. */
export interface AskedWait {
  /** Name of the signal. */
  readonly name: string;
  readonly where?: ((payload: unknown) => boolean) | undefined;
}

/** Whose waits they are: what was asked for, and what becomes of it beyond the event that ends it. */
export interface WaitOwner {
  /** Undefined for what was asked for by an earlier execution, and not yet by this one. */
  asked(wait: string): AskedWait | undefined;
  /** Its `where` threw: the wait stays open. */
  misfit(wait: string, thrown: unknown): void;
  /**
   * It gets this signal. What it gives is called once that is in the draft: all that can fail comes before, so
   * that none of it is recorded without the rest.
   */
  taking?(wait: string, signal: Signal): Promise<() => void>;
}

/** Gives open waits the signals that fit them, then ends those whose time is over. */
export async function answerSignals(
  blobs: BlobStore,
  draft: Draft,
  owner: WaitOwner,
): Promise<void> {
  const { state, now } = draft;
  for (const [wait, { approval, name, due }] of Object.entries(state.run.context.waits)) {
    if (approval !== undefined || state.run.state !== "running") continue;
    const isOver = due !== null && due <= now;
    if (!isOver && !state.free.has(name)) continue;
    const asked = owner.asked(wait);
    if (asked === undefined) continue;
    const signal = await fitting(blobs, state, asked, (thrown) => owner.misfit(wait, thrown));
    if (signal === undefined) {
      draft.run({ type: "cmd.expire_wait", now, wait });
      continue;
    }
    const taken = await owner.taking?.(wait, signal);
    if (draft.run({ type: "cmd.match_wait", now, wait, signal: signal.id }) === undefined)
      taken?.();
  }
}

async function fitting(
  blobs: BlobStore,
  state: RunState,
  { name, where }: AskedWait,
  misfit: (thrown: unknown) => void,
): Promise<Signal | undefined> {
  const { signals, taken } = state.run.context;
  for (const id of state.free.get(name) ?? []) {
    const signal = signals[taken[id] ?? -1];
    if (signal === undefined || where === undefined) return signal;
    const payload = handOut(await fromValue(blobs, signal.payload, state));
    try {
      if (where(payload)) return signal;
    } catch (thrown) {
      misfit(thrown);
      return undefined;
    }
  }
  return undefined;
}
