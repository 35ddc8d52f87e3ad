/**
 * The data of a gate: who may be at work at once, who waits for it, and who was let in when. Everything
 * in it is counted in the order of its log, so that no limit is ever exceeded, whoever writes to it.
 */
import type { LedgerCommand, LedgerEvent } from "./ledger.ts";
import { reducer } from "./reducer.ts";

/** One limit as one holder meets it. */
export interface Limit {
  /** Unique in its gate. */
  readonly name: string;
  /** Holders with the same key share the limit; "" for a limit without keys. */
  readonly key: string;
  /** At most so many at once, or, with `perMs`, so many admissions in any span of that length. */
  readonly limit: number;
  readonly perMs?: number;
}

/** What is asked of a gate, frozen when the run that asks was started. */
export interface Admission {
  /** Name of the gate. */
  readonly gate: string;
  readonly limits: readonly Limit[];
  /** Among those of one fair key, the higher comes first. */
  readonly priority: number;
  /** Those with the same one share their turns; between keys it goes round. */
  readonly fair: string;
}

/** Who asks: a run, or a step of one. */
export interface Ask extends Omit<Admission, "gate"> {
  readonly holder: string;
  /** Its workflow. */
  readonly of: string;
  /** When what asks came to be (ms): within a priority, the older comes first. */
  readonly createdAt: number;
}

/** What can happen to a gate. */
export type GateEvent =
  | LedgerEvent
  | ({ type: "gate.asked"; at: number } & Ask)
  /** It may begin; it counts against its limits until it is released. */
  | { type: "gate.admitted"; at: number; holder: string }
  /** It has ended, or does not wait any more. */
  | { type: "gate.released"; at: number; holder: string }
  /** Starts with this key are put together into this run, as long as it has not begun. */
  | { type: "gate.gathered"; at: number; key: string; into: string };

/** What can be asked of a gate; never recorded. */
export type GateCommand =
  | LedgerCommand
  | ({ type: "cmd.ask"; now: number } & Ask)
  | { type: "cmd.admit"; now: number; holder: string }
  | { type: "cmd.release"; now: number; holder: string }
  | { type: "cmd.gather"; now: number; key: string; into: string };

/** Somebody who waits. `no`: the how-manieth ask it was. */
export interface Waiting extends Omit<Ask, "holder"> {
  readonly no: number;
  readonly at: number;
}

/** Somebody who was let in. */
export interface Holder {
  readonly of: string;
  readonly limits: readonly Limit[];
  readonly at: number;
}

/** What a gate remembers: plain data, a fold of its events. */
export interface GateContext {
  name: string;
  generation: number;
  /** How many have asked, and how many were let in: the second counts the turns between fair keys. */
  asks: number;
  turn: number;
  /** The numbers in force, by limit: those of the run that was started last. */
  numbers: Record<string, { limit: number; perMs?: number; asOf: number }>;
  holders: Record<string, Holder>;
  waiting: Record<string, Waiting>;
  /** By limit and key (`limitKey`): how many hold it, or when they were let in. */
  used: Record<string, number>;
  times: Record<string, readonly number[]>;
  /** By fair key (`fairKey`): how many wait, and when it was their turn last. */
  lines: Record<string, { waiting: number; turn: number }>;
  /** By key (`fairKey`): the run into which starts are put together. */
  gathering: Record<string, string>;
}

/** What a gate's actor is created with. */
export interface GateInput {
  name: string;
}

/** A gate before its first event. */
export const gateContext = ({ name }: GateInput): GateContext => ({
  name,
  generation: 0,
  asks: 0,
  turn: 0,
  numbers: {},
  holders: {},
  waiting: {},
  used: {},
  times: {},
  lines: {},
  gathering: {},
});

/** Where the count of a limit is kept. Never the name of something that objects inherit. */
export const limitKey = ({ name, key }: Pick<Limit, "name" | "key">): string => `${name}:${key}`;

/** Where a fair key's line is kept. */
export const fairKey = (fair: string): string => `:${fair}`;

/** The times within the span that ends `now`; a clock that was set back by more forgets them. */
export const within = (times: readonly number[], now: number, perMs: number): readonly number[] =>
  times.filter((at) => Math.abs(now - at) < perMs);

/** Where the numbers of a limit are kept. */
const numberKey = ({ name }: Limit): string => limitKey({ name, key: "" });

/** The limit with the numbers that are in force. What it counts (at once, or in a span) it says itself. */
export function inForce(context: GateContext, limit: Limit): Limit {
  const number = context.numbers[numberKey(limit)];
  if (number === undefined) return limit;
  const per = limit.perMs === undefined ? {} : { perMs: number.perMs ?? limit.perMs };
  return { name: limit.name, key: limit.key, limit: number.limit, ...per };
}

/** How many more a limit lets in at the time `now`; below zero when it was lowered. */
export function roomOf(context: GateContext, limit: Limit, now: number): number {
  const { limit: most, perMs } = inForce(context, limit);
  const key = limitKey(limit);
  if (perMs === undefined) return most - (context.used[key] ?? 0);
  return most - within(context.times[key] ?? [], now, perMs).length;
}

/** Whether every one of the limits has room. */
export const hasRoom = (context: GateContext, limits: readonly Limit[], now: number): boolean =>
  limits.every((limit) => roomOf(context, limit, now) > 0);

/** How events change a gate's context; one definition for XState and for the engine's fold. */
export const gateReducer = reducer<GateContext, GateEvent>((context, event) => {
  switch (event.type) {
    case "ledger.opened":
      Object.assign(context, structuredClone(event.state ?? {}));
      context.name = event.name;
      context.generation = event.generation;
      break;
    case "gate.asked":
      join(context, event);
      break;
    case "gate.admitted":
      admit(context, event);
      break;
    case "gate.released":
      if (Object.hasOwn(context.waiting, event.holder)) leaveLine(context, event.holder);
      else leave(context, event.holder);
      for (const [key, into] of Object.entries(context.gathering)) {
        if (into === event.holder) delete context.gathering[key];
      }
      break;
    case "gate.gathered":
      context.gathering[fairKey(event.key)] = event.into;
      break;
  }
});

function join(context: GateContext, event: Extract<GateEvent, { type: "gate.asked" }>): void {
  const { type: _, holder, ...ask } = event;
  for (const limit of ask.limits) {
    const key = numberKey(limit);
    if ((context.numbers[key]?.asOf ?? 0) > ask.createdAt) continue;
    const per = limit.perMs === undefined ? {} : { perMs: limit.perMs };
    context.numbers[key] = { limit: limit.limit, ...per, asOf: ask.createdAt };
  }
  context.waiting[holder] = { ...ask, no: context.asks++ };
  const key = fairKey(ask.fair);
  // Whoever joins comes last in the round: a key that comes and goes gains nothing by it.
  const line = context.lines[key] ?? { waiting: 0, turn: context.turn };
  context.lines[key] = { ...line, waiting: line.waiting + 1 };
}

function admit(context: GateContext, event: Extract<GateEvent, { type: "gate.admitted" }>): void {
  const { holder, at } = event;
  const ask = context.waiting[holder];
  if (ask === undefined) return;
  const { of, limits, fair } = ask;
  leaveLine(context, holder);
  context.turn++;
  const line = context.lines[fairKey(fair)];
  if (line !== undefined) context.lines[fairKey(fair)] = { ...line, turn: context.turn };
  context.holders[holder] = { of, limits, at };
  for (const limit of limits) {
    const key = limitKey(limit);
    const { perMs } = inForce(context, limit);
    if (perMs === undefined) context.used[key] = (context.used[key] ?? 0) + 1;
    else context.times[key] = [...within(context.times[key] ?? [], at, perMs), at];
  }
}

function leaveLine(context: GateContext, holder: string): void {
  const key = fairKey(context.waiting[holder]?.fair ?? "");
  delete context.waiting[holder];
  const line = context.lines[key];
  if (line === undefined || line.waiting <= 1) delete context.lines[key];
  else context.lines[key] = { ...line, waiting: line.waiting - 1 };
}

function leave(context: GateContext, holder: string): void {
  const limits = Object.hasOwn(context.holders, holder) ? context.holders[holder]?.limits : [];
  delete context.holders[holder];
  for (const limit of limits ?? []) {
    if (limit.perMs !== undefined) continue;
    const key = limitKey(limit);
    const left = (context.used[key] ?? 0) - 1;
    if (left > 0) context.used[key] = left;
    else delete context.used[key];
  }
}
