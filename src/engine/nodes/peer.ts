/**
 * One other node, as this process sees it: what it said last, and what the node machine makes of its
 * heartbeats and its silence. Times are monotonic ms of this process: clocks of others do not matter.
 */
import {
  type NodeCommand,
  type NodeContext,
  type NodeEvent,
  type NodeState,
  nodeContext,
  nodeMachine,
} from "../../../machines/node.ts";
import { type Actor, compileMachine } from "../../domain/table.ts";
import type { NodeInfo } from "../../ports/node-registry.ts";

const table = compileMachine<NodeContext, NodeCommand, NodeEvent>(nodeMachine);

/** How long a node may be silent (ms). */
export interface Patience {
  readonly suspectMs: number;
  readonly goneMs: number;
}

export class Peer {
  #info: NodeInfo;
  readonly #actor: Actor<NodeContext>;

  constructor(info: NodeInfo, now: number) {
    this.#info = info;
    this.#actor = table.create(nodeContext({ id: info.id, at: now }));
    this.hear(info, now);
  }

  get info(): NodeInfo {
    return this.#info;
  }

  get state(): NodeState {
    return this.#actor.state as NodeState;
  }

  /** It has announced itself. */
  hear(info: NodeInfo, now: number): void {
    this.#info = info;
    this.#send({ type: "cmd.beat", now, draining: info.draining });
  }

  /** This process was not listening for a while, so silence until now means nothing. */
  excuse(now: number): void {
    this.#send({ type: "cmd.beat", now, draining: this.#info.draining });
  }

  /** Time has passed. */
  tick(now: number, patience: Patience): void {
    // Silence may have lasted for both of its steps.
    for (const _ of ["suspect", "gone"]) this.#send({ type: "cmd.tick", now, ...patience });
  }

  /** It is known to be no more. */
  end(now: number, reason: string): void {
    this.#send({ type: "cmd.gone", now, reason });
  }

  #send(command: NodeCommand): void {
    const decided = table.decide(this.#actor, command);
    // A command that the machine does not take now says nothing new.
    if (decided.ok) for (const event of decided.value) table.evolve(this.#actor, event);
  }
}
