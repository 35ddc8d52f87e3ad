/**
 * A process that executes steps, as its peers see it.
 *
 *   alive <──> suspect ──> gone        suspect: heartbeats are missing, and it may only be slow
 *     └──> draining ──> gone           draining: finishes what runs, takes nothing new
 *
 * Peers feed it what they observe; it decides what that means. Pure: the time comes with the command.
 */
import { assign, emit, setup } from "xstate";
import { reducer } from "./reducer.ts";

/** What can be observed of a node; the only thing that moves it. */
export type NodeEvent =
  | { type: "node.seen"; at: number }
  | { type: "node.suspected"; at: number }
  | { type: "node.draining"; at: number }
  | { type: "node.gone"; at: number; reason: string };

/** What its peers tell the node's actor; the time comes in with it. */
export type NodeCommand =
  /** A heartbeat arrived. */
  | { type: "cmd.beat"; now: number; draining: boolean }
  /** Time passed: silence of `suspectMs` makes a node suspect, of `goneMs` gone. */
  | { type: "cmd.tick"; now: number; suspectMs: number; goneMs: number }
  /** Somebody knows for certain that the process is no more, or it said so itself. */
  | { type: "cmd.gone"; now: number; reason: string };

/** What is remembered of a node: plain data, a fold of its events. */
export interface NodeContext {
  readonly id: string;
  seenAt: number;
  suspectedAt: number | null;
  goneAt: number | null;
  reason: string | null;
}

/** What a node's actor is created with: the first sight of it. */
export interface NodeInput {
  id: string;
  at: number;
}

/** A node at first sight. */
export const nodeContext = (input: NodeInput): NodeContext => ({
  id: input.id,
  seenAt: input.at,
  suspectedAt: null,
  goneAt: null,
  reason: null,
});

/** How events change a node's context. */
export const nodeReducer = reducer<NodeContext, NodeEvent>((context, event) => {
  switch (event.type) {
    case "node.seen":
      context.seenAt = event.at;
      context.suspectedAt = null;
      break;
    case "node.suspected":
      context.suspectedAt = event.at;
      break;
    case "node.draining":
      context.seenAt = event.at;
      context.suspectedAt = null;
      break;
    case "node.gone":
      context.goneAt = event.at;
      context.reason = event.reason;
      break;
  }
});

const node = setup({
  types: {
    context: {} as NodeContext,
    input: {} as NodeInput,
    events: {} as NodeEvent | NodeCommand,
    emitted: {} as NodeEvent,
  },
  guards: {
    wantsToDrain: ({ event }) => event.type === "cmd.beat" && event.draining,
    silent: ({ context, event }) =>
      event.type === "cmd.tick" && event.now - context.seenAt >= event.suspectMs,
    silentForLong: ({ context, event }) =>
      event.type === "cmd.tick" && event.now - context.seenAt >= event.goneMs,
  },
  actions: { apply: assign(nodeReducer) },
});

const gone = node.createStateConfig({
  on: {
    "cmd.gone": {
      actions: emit(({ event }) => ({ type: "node.gone", at: event.now, reason: event.reason })),
    },
    "node.gone": { target: "#node.gone", actions: "apply" },
  },
}).on;

const seen = node.createAction(
  emit(({ event }) => {
    if (event.type !== "cmd.beat") throw new Error(`not a heartbeat: ${event.type}`);
    return { type: event.draining ? "node.draining" : "node.seen", at: event.now };
  }),
);

const giveUp = node.createStateConfig({
  on: {
    "cmd.tick": {
      guard: "silentForLong",
      actions: emit(({ event }) => ({ type: "node.gone", at: event.now, reason: "silent" })),
    },
  },
}).on;

/** The statechart of a node. */
export const nodeMachine = node.createMachine({
  id: "node",
  context: ({ input }) => nodeContext(input ?? { id: "", at: 0 }),
  initial: "alive",
  states: {
    alive: {
      on: {
        "cmd.beat": { actions: seen },
        "cmd.tick": {
          guard: "silent",
          actions: emit(({ event }) => ({ type: "node.suspected", at: event.now })),
        },
        "node.seen": { actions: "apply" },
        "node.suspected": { target: "suspect", actions: "apply" },
        "node.draining": { target: "draining", actions: "apply" },
        ...gone,
      },
    },
    suspect: {
      on: {
        "cmd.beat": { actions: seen },
        "node.seen": { target: "alive", actions: "apply" },
        "node.draining": { target: "draining", actions: "apply" },
        ...giveUp,
        ...gone,
      },
    },
    draining: {
      on: {
        "cmd.beat": { guard: "wantsToDrain", actions: seen },
        "node.draining": { actions: "apply" },
        ...giveUp,
        ...gone,
      },
    },
    gone: { type: "final" },
  },
});

/** Every state of `nodeMachine`, for tables and for tests of completeness. */
export const nodeStates = ["alive", "suspect", "draining", "gone"] as const;

/** The name of a state of `nodeMachine`. */
export type NodeState = (typeof nodeStates)[number];
