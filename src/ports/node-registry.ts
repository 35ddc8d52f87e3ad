import type { WorkflowVersion } from "../cluster/versions.ts";

/** What a process says about itself, renewed by every heartbeat. JSON only. */
export interface NodeInfo {
  readonly id: string;
  readonly startedAt: number;
  /** When it said this (ms since the epoch, by its own clock): another time, another heartbeat. */
  readonly saidAt: number;
  /** Names of workflows whose runs it hosts, each once. */
  readonly workflows: readonly string[];
  /** Which versions of them it has; absent: it is of a release that does not say. */
  readonly versions?: readonly WorkflowVersion[];
  /** Named amounts this node has, and what of them is free now. */
  readonly resources: Readonly<Record<string, number>>;
  readonly free: Readonly<Record<string, number>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly draining: boolean;
}

/** Whoever wants to know what nodes say. */
export interface NodeListener {
  /** A node has announced itself, for the first time or again. */
  said(info: NodeInfo): void;
  /** A node was taken off the list, before it had to be. */
  left(id: string): void;
}

/**
 * Which processes exist. Soft state: it may be empty after a restart and fills by itself.
 *
 * - `announce` is called every `heartbeatMs`; a node not renewed for `nodeGoneMs` is not listed.
 * - `alive` asks the node itself. It answers false only when it is certain that the process is gone;
 *   a frozen or unreachable one counts as alive (its lease will run out).
 * - `watch` tells of everything announced or withdrawn after it resolved, by any process, promptly. It
 *   MAY miss some of it, so whoever watches lists now and then. A node that only falls silent is not told of.
 */
export interface NodeRegistry {
  announce(info: NodeInfo): Promise<void>;
  /** Takes the node off the list at once; also what `close` does for the nodes announced here. */
  withdraw(id: string): Promise<void>;
  list(): Promise<readonly NodeInfo[]>;
  alive(id: string): Promise<boolean>;
  /** Returns a function that stops the watching. */
  watch(listener: NodeListener): Promise<() => void>;
  close(): Promise<void>;
}
