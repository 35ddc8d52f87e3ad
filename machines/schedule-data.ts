/**
 * The data of a schedule: when it starts runs of which workflow, what it was told, and what it has done.
 * A tick is a time at which it is due; each is done with once.
 */
import type { LedgerCommand, LedgerEvent } from "./ledger.ts";
import { reducer } from "./reducer.ts";
import type { Value } from "./values.ts";

/** What happens to a tick while a run of an earlier one has not ended. */
export type Overlap = "skip" | "buffer-one" | "buffer-all" | "cancel-other" | "allow";

/** What a schedule is, as declared. Exactly one of `cron` and `everyMs` is there. */
export interface ScheduleSpec {
  readonly workflow: string;
  /** Absent: none. */
  readonly input?: Value;
  readonly cron?: string;
  /** In which the cron expression is read (IANA name). */
  readonly timeZone?: string;
  /** Ticks are at whole multiples of it since the epoch, plus `offsetMs`. */
  readonly everyMs?: number;
  readonly offsetMs?: number;
  /** Neither before the one nor after the other is it due. */
  readonly startAt?: number;
  readonly endAt?: number;
  readonly overlap: Overlap;
  /** Of ticks that were missed, so many of the newest are made up for, if they are not older than this. */
  readonly catchUp: { readonly withinMs: number; readonly limit: number };
  /** A run begins up to so much later, the same for a tick however often it is computed. */
  readonly jitterMs: number;
  readonly labels: Readonly<Record<string, string>>;
}

/** Something that a schedule was told to do beside its ticks. */
export interface Order {
  readonly order: string;
  readonly by: string;
  readonly at: number;
  /** Absent: as the schedule says. */
  readonly overlap?: Overlap;
  /** Absent: one run, now. */
  readonly backfill?: {
    /** Ticks up to this time are done with. */
    readonly done: number;
    readonly to: number;
  };
}

/** A run that a schedule has decided to start. */
export interface OpenRun {
  readonly run: string;
  readonly tick: number;
  readonly order: string | null;
  /** The policy that it was started under. */
  readonly overlap: Overlap;
}

/** One run is wanted, now. */
interface Wanted {
  readonly order: string;
  readonly by: string;
  readonly overlap?: Overlap;
}

/** The ticks from `from` to `to` are wanted. */
interface Filling extends Wanted {
  readonly from: number;
  readonly to: number;
  readonly overlap: Overlap;
}

/** A tick of the schedule's own, or of an order. */
interface Ticking {
  readonly tick: number;
  readonly order?: string;
  /** Runs of earlier ticks that have ended meanwhile. */
  readonly ended?: readonly string[];
}

/** A run is started for it, under this policy. */
interface Starting extends Ticking {
  readonly started: string;
  readonly overlap: Overlap;
}

/** No run is started for `count` ticks, `tick` being the last of them. */
interface Skipping extends Ticking {
  readonly count: number;
  readonly reason: string;
}

/** What can happen to a schedule. */
export type ScheduleEvent =
  | LedgerEvent
  /** It is made, or changed. */
  | { type: "schedule.declared"; at: number; by: string; spec: ScheduleSpec }
  | { type: "schedule.paused"; at: number; by: string; reason: string }
  | { type: "schedule.resumed"; at: number; by: string }
  | ({ type: "schedule.triggered"; at: number } & Wanted)
  | ({ type: "schedule.backfilled"; at: number } & Filling)
  | ({ type: "schedule.ticked"; at: number } & Starting)
  | ({ type: "schedule.skipped"; at: number } & Skipping)
  /** All that was asked for with the order is done. */
  | { type: "schedule.served"; at: number; order: string }
  | { type: "schedule.deleted"; at: number; by: string };

/** What can be asked of a schedule; never recorded. */
export type ScheduleCommand =
  | LedgerCommand
  | { type: "cmd.declare"; now: number; by: string; spec: ScheduleSpec }
  | { type: "cmd.pause"; now: number; by: string; reason: string }
  | { type: "cmd.resume"; now: number; by: string }
  | ({ type: "cmd.trigger"; now: number } & Wanted)
  | ({ type: "cmd.backfill"; now: number } & Filling)
  | ({ type: "cmd.tick"; now: number } & Starting)
  | ({ type: "cmd.skip"; now: number } & Skipping)
  | { type: "cmd.serve"; now: number; order: string }
  | { type: "cmd.delete"; now: number; by: string };

/** What became of a tick. */
export interface TickRecord {
  readonly at: number;
  readonly tick: number;
  /** Null: none was started, for this reason. */
  readonly run: string | null;
  readonly reason: string | null;
  /** How many ticks it stands for. */
  readonly count: number;
  readonly order: string | null;
}

/** What a schedule remembers: plain data, a fold of its events. */
export interface ScheduleContext {
  name: string;
  generation: number;
  spec: ScheduleSpec | null;
  createdAt: number;
  updatedAt: number;
  paused: { readonly by: string; readonly at: number; readonly reason: string } | null;
  /** Ticks up to this time are done with, or none of its business. */
  since: number;
  /** Not yet served, the oldest first. */
  orders: Order[];
  /** Ids of the orders that were served last, the newest last: given again, they are no news. */
  served: string[];
  /** Runs that it started and that are not known to have ended, the newest last. */
  open: OpenRun[];
  /** What became of its last ticks, the newest last. */
  recent: TickRecord[];
  started: number;
  skipped: number;
}

/** What a schedule's actor is created with. */
export interface ScheduleInput {
  name: string;
}

/** So many of its last ticks are remembered. */
const RECENT_MAX = 20;
const SERVED_MAX = 100;
/** So many of the runs that have not ended are remembered, the newest: no frame starts more. */
export const OPEN_RUNS_MAX = 100;

/** A schedule before its first event. */
export const scheduleContext = ({ name }: ScheduleInput): ScheduleContext => ({
  name,
  generation: 0,
  spec: null,
  createdAt: 0,
  updatedAt: 0,
  paused: null,
  since: 0,
  orders: [],
  served: [],
  open: [],
  recent: [],
  started: 0,
  skipped: 0,
});

type TickEvent = Extract<ScheduleEvent, { type: "schedule.ticked" | "schedule.skipped" }>;

/** How events change a schedule's context; one definition for XState and for the engine's fold. */
export const scheduleReducer = reducer<ScheduleContext, ScheduleEvent>((context, event) => {
  switch (event.type) {
    case "ledger.opened":
      Object.assign(context, structuredClone(event.state ?? {}));
      context.name = event.name;
      context.generation = event.generation;
      return;
    case "schedule.declared":
      if (context.spec === null) context.createdAt = event.at;
      // Other times are due from now on only; with the same ones nothing is forgotten that is due.
      if (context.spec === null || !hasTimesOf(context.spec, event.spec)) {
        context.since = Math.max(context.since, event.at);
      }
      context.spec = event.spec;
      context.updatedAt = event.at;
      break;
    case "schedule.paused":
      context.paused = { by: event.by, at: event.at, reason: event.reason };
      break;
    case "schedule.resumed":
      context.paused = null;
      // What it would have done meanwhile is not made up for.
      context.since = Math.max(context.since, event.at);
      break;
    case "schedule.triggered":
      context.orders.push(orderOf(event));
      break;
    case "schedule.backfilled":
      context.orders.push({ ...orderOf(event), backfill: { done: event.from - 1, to: event.to } });
      break;
    case "schedule.ticked":
    case "schedule.skipped":
      tick(context, event);
      break;
    case "schedule.served":
      serve(context, event.order);
      break;
    case "schedule.deleted":
      Object.assign(context, scheduleContext({ name: context.name }), {
        generation: context.generation,
        since: Math.max(context.since, event.at),
      });
      break;
  }
});

type OrderEvent = Extract<ScheduleEvent, { type: "schedule.triggered" | "schedule.backfilled" }>;

const orderOf = ({ order, by, at, overlap }: OrderEvent): Order => {
  return { order, by, at, ...(overlap === undefined ? {} : { overlap }) };
};

/** Whether it is due at the same times. */
const hasTimesOf = (one: ScheduleSpec, other: ScheduleSpec): boolean =>
  (["cron", "timeZone", "everyMs", "offsetMs", "startAt", "endAt"] as const).every(
    (key) => one[key] === other[key],
  );

function tick(context: ScheduleContext, event: TickEvent): void {
  const { at, tick, order = null } = event;
  const [run, reason, count] =
    event.type === "schedule.ticked" ? [event.started, null, 1] : [null, event.reason, event.count];
  if (order === null) context.since = tick;
  else proceed(context, order, tick);
  if (event.ended !== undefined) {
    const ended = new Set(event.ended);
    context.open = context.open.filter((open) => !ended.has(open.run));
  }
  if (event.type === "schedule.ticked") {
    const { started, overlap } = event;
    context.open = [...context.open, { run: started, tick, order, overlap }].slice(-OPEN_RUNS_MAX);
    context.started++;
  } else context.skipped += count;
  const record: TickRecord = { at, tick, run, reason, count, order };
  context.recent = [...context.recent, record].slice(-RECENT_MAX);
}

/** One of the order's ticks is done with; a run that was wanted now is all of it. */
function proceed(context: ScheduleContext, order: string, tick: number): void {
  const known = context.orders.find((one) => one.order === order);
  if (known?.backfill === undefined) serve(context, order);
  else {
    const left: Order = { ...known, backfill: { ...known.backfill, done: tick } };
    context.orders = context.orders.map((one) => (one.order === order ? left : one));
  }
}

function serve(context: ScheduleContext, order: string): void {
  context.orders = context.orders.filter((one) => one.order !== order);
  context.served = [...context.served, order].slice(-SERVED_MAX);
}
