/**
 * A schedule: starts runs at given times, as long as it is active.
 *
 *   unborn ──> blank ──> active <──> paused       blank: nothing is declared (yet, or any more)
 *                ^         │           │          closed: its next generation goes on
 *                └─────────┴───────────┘
 *
 * Orders (a run now, ticks of the past) are taken and served in `paused` too: somebody asked for them.
 * A tick is taken once: it must be later than the last. Commands only emit; events move. No clock here.
 */
import { assign, emit, setup } from "xstate";
import { opened } from "./ledger.ts";
import {
  type Order,
  type ScheduleCommand,
  type ScheduleContext,
  type ScheduleEvent,
  type ScheduleInput,
  scheduleContext,
  scheduleReducer,
} from "./schedule-data.ts";

const orderOf = ({ orders }: ScheduleContext, order: string): Order | undefined =>
  orders.find((one) => one.order === order);

/** The state that a generation carried over. */
const carried = (event: ScheduleEvent | ScheduleCommand): Partial<ScheduleContext> =>
  event.type === "ledger.opened" ? ((event.state as Partial<ScheduleContext>) ?? {}) : {};

const schedule = setup({
  types: {
    context: {} as ScheduleContext,
    input: {} as ScheduleInput,
    events: {} as ScheduleEvent | ScheduleCommand,
    emitted: {} as ScheduleEvent,
  },
  guards: {
    carriesNothing: ({ event }) => (carried(event).spec ?? null) === null,
    carriesPause: ({ event }) => (carried(event).paused ?? null) !== null,
    newOrder: ({ context, event }) =>
      "order" in event &&
      event.order !== undefined &&
      orderOf(context, event.order) === undefined &&
      !context.served.includes(event.order),
    knownOrder: ({ context, event }) =>
      "order" in event && event.order !== undefined && orderOf(context, event.order) !== undefined,
    /** Of its own time, and later than the last one. */
    nextTick: ({ context, event }) =>
      "tick" in event && event.order === undefined && event.tick > context.since,
    /** Of an order, and later than the last one of that. */
    orderedTick: ({ context, event }) => {
      if (!("tick" in event) || event.order === undefined) return false;
      const order = orderOf(context, event.order);
      return order !== undefined && event.tick > (order.backfill?.done ?? Number.NEGATIVE_INFINITY);
    },
  },
  actions: { apply: assign(scheduleReducer) },
});

const tick = schedule.createAction(
  emit(({ event }) => {
    if (event.type !== "cmd.tick") throw new Error(`cannot tick on ${event.type}`);
    const { type: _, now: at, ...ticked } = event;
    return { type: "schedule.ticked", at, ...ticked };
  }),
);

const skip = schedule.createAction(
  emit(({ event }) => {
    if (event.type !== "cmd.skip") throw new Error(`cannot skip on ${event.type}`);
    const { type: _, now: at, ...skipped } = event;
    return { type: "schedule.skipped", at, ...skipped };
  }),
);

/** Being made, or changed. */
const declare = schedule.createStateConfig({
  on: {
    "cmd.declare": {
      actions: emit(({ event }) => ({
        type: "schedule.declared",
        at: event.now,
        by: event.by,
        spec: event.spec,
      })),
    },
  },
}).on;

/** The end of a generation. */
const close = schedule.createStateConfig({
  on: {
    "cmd.close": { actions: emit(({ event }) => ({ type: "ledger.closed", at: event.now })) },
    "ledger.closed": { target: "#schedule.closed", actions: "apply" },
  },
}).on;

/** What it takes while it is declared: orders, and its end. */
const living = schedule.createStateConfig({
  on: {
    ...declare,
    ...close,
    "schedule.declared": { actions: "apply" },
    "cmd.trigger": {
      guard: "newOrder",
      actions: emit(({ event: { type: _, now: at, ...wanted } }) => {
        return { type: "schedule.triggered", at, ...wanted };
      }),
    },
    "schedule.triggered": { guard: "newOrder", actions: "apply" },
    "cmd.backfill": {
      guard: "newOrder",
      actions: emit(({ event: { type: _, now: at, ...wanted } }) => {
        return { type: "schedule.backfilled", at, ...wanted };
      }),
    },
    "schedule.backfilled": { guard: "newOrder", actions: "apply" },
    "cmd.serve": {
      guard: "knownOrder",
      actions: emit(({ event }) => ({
        type: "schedule.served",
        at: event.now,
        order: event.order,
      })),
    },
    "schedule.served": { guard: "knownOrder", actions: "apply" },
    "cmd.delete": {
      actions: emit(({ event }) => ({ type: "schedule.deleted", at: event.now, by: event.by })),
    },
    "schedule.deleted": { target: "#schedule.blank", actions: "apply" },
  },
}).on;

/** The statechart of a schedule. Its input is the schedule's id. */
export const scheduleMachine = schedule.createMachine({
  id: "schedule",
  context: ({ input }) => scheduleContext(input ?? { name: "" }),
  initial: "unborn",
  states: {
    /** Before its first event. */
    unborn: {
      on: {
        "cmd.open": { actions: emit(({ event }) => opened(event)) },
        "ledger.opened": [
          { target: "blank", guard: "carriesNothing", actions: "apply" },
          { target: "paused", guard: "carriesPause", actions: "apply" },
          { target: "active", actions: "apply" },
        ],
      },
    },
    /** Nothing is declared: not yet, or not any more. */
    blank: {
      on: { ...declare, ...close, "schedule.declared": { target: "active", actions: "apply" } },
    },
    active: {
      on: {
        ...living,
        "cmd.pause": {
          actions: emit(({ event }) => ({
            type: "schedule.paused",
            at: event.now,
            by: event.by,
            reason: event.reason,
          })),
        },
        "schedule.paused": { target: "paused", actions: "apply" },
        "cmd.tick": [
          { guard: "nextTick", actions: tick },
          { guard: "orderedTick", actions: tick },
        ],
        "schedule.ticked": [
          { guard: "nextTick", actions: "apply" },
          { guard: "orderedTick", actions: "apply" },
        ],
        "cmd.skip": [
          { guard: "nextTick", actions: skip },
          { guard: "orderedTick", actions: skip },
        ],
        "schedule.skipped": [
          { guard: "nextTick", actions: "apply" },
          { guard: "orderedTick", actions: "apply" },
        ],
      },
    },
    /** Starts nothing by itself. */
    paused: {
      on: {
        ...living,
        "cmd.resume": {
          actions: emit(({ event }) => ({ type: "schedule.resumed", at: event.now, by: event.by })),
        },
        "schedule.resumed": { target: "active", actions: "apply" },
        "cmd.tick": { guard: "orderedTick", actions: tick },
        "schedule.ticked": { guard: "orderedTick", actions: "apply" },
        "cmd.skip": { guard: "orderedTick", actions: skip },
        "schedule.skipped": { guard: "orderedTick", actions: "apply" },
      },
    },
    closed: { type: "final" },
  },
});

/** Every state of `scheduleMachine`, for tables and for tests of completeness. */
export const scheduleStates = ["unborn", "blank", "active", "paused", "closed"] as const;

/** The name of a state of `scheduleMachine`. */
export type ScheduleState = (typeof scheduleStates)[number];
