/** What a process says about itself, renewed by every heartbeat. JSON only. */
export interface NodeInfo {
  readonly id: string;
  readonly startedAt: number;
  readonly workflows: readonly string[];
  /** Named amounts this node has, and what of them is free now. */
  readonly resources: Readonly<Record<string, number>>;
  readonly free: Readonly<Record<string, number>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly draining: boolean;
}

/**
 * Which processes exist. Soft state: it may be empty after a restart and fills by itself.
 *
 * - `announce` is called every `heartbeatMs`; a node not renewed for `nodeGoneMs` is not listed.
 * - `alive` asks the node itself. It answers false only when it is certain that the process is gone;
 *   a frozen or unreachable one counts as alive (its lease will run out).
 */
export interface NodeRegistry {
  announce(info: NodeInfo): Promise<void>;
  /** Takes the node off the list at once; also what `close` does for the nodes announced here. */
  withdraw(id: string): Promise<void>;
  list(): Promise<readonly NodeInfo[]>;
  alive(id: string): Promise<boolean>;
  close(): Promise<void>;
}
