import type { Position } from "./event-log.ts";

/** One message for a run: a signal, a cancel request, a report from another node. */
export interface StoredInput {
  /** Place among all inputs: positive, strictly increasing. Unrelated to positions of the log. */
  readonly position: Position;
  readonly bytes: Uint8Array;
}

/**
 * The inbox of a node: what other nodes say to a process, as long as it lives. Ids of runs hold no "@".
 */
export const addressOfNode = (node: string): string => `@${node}`;

/**
 * The inbox of a correlation key: what is kept for runs that may be started with it.
 * @param digest of the key, which may be any text; `KEY_ADDRESS` is what comes out
 */
export const addressOfKey = (digest: string): string => `~${digest}`;

/** What `addressOfKey` gives for a SHA-256 (base64url). */
export const KEY_ADDRESS: RegExp = /^~[A-Za-z0-9_-]{43}$/;

/**
 * What others want a run to know, kept until the run has taken it. Posting never fails because of the
 * run: it may be asleep, hosted elsewhere, or not exist yet.
 *
 * - A post MUST be durable before it resolves.
 * - `watch` calls back for every input posted after it resolved, by any process, promptly, in order;
 *   it MAY miss inputs while a connection is lost, so a reader also reads after (re)connecting:
 *   adapters call `onGap` when inputs may have been missed.
 * - Where a run is named, `addressOfNode` names a node and `addressOfKey` a key, whose inputs are kept apart
 *   in the same way.
 * - `discard` removes inputs up to a position that a frame of the run has recorded as taken.
 */
export interface Inbox {
  post(run: string, bytes: Uint8Array): Promise<Position>;
  /** Inputs of the run past `after`, in order. */
  read(run: string, after: Position): Promise<readonly StoredInput[]>;
  /** Returns a function that stops the watching. */
  watch(run: string, onInput: (input: StoredInput) => void, onGap: () => void): Promise<() => void>;
  discard(run: string, upTo: Position): Promise<void>;
  close(): Promise<void>;
}
