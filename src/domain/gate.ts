/**
 * Who comes next at a gate. Keys take turns: of those of whom somebody could be let in now, the one
 * whose last turn is longest ago (round robin between flows, as J. Nagle, "On packet switches with
 * infinite storage", 1987); a key that joins comes last in the round, so none gains by coming and
 * going. Within a key the highest priority comes first, and within that the oldest. Who cannot be let
 * in holds up nobody who can. Pure.
 */

import { gateMachine } from "../../machines/gate.ts";
import {
  fairKey,
  type GateCommand,
  type GateContext,
  type GateEvent,
  hasRoom,
  inForce,
  type Limit,
  limitKey,
  roomOf,
  within,
} from "../../machines/gate-data.ts";
import { type Actor, compileMachine } from "./table.ts";

/** `gateMachine` as the fold and every decision use it. */
export const gateTable = compileMachine<GateContext, GateCommand, GateEvent>(gateMachine);

/** A gate, as folded. */
export type Gate = Actor<GateContext>;

/** Somebody in a lane. */
interface Place {
  readonly holder: string;
  readonly priority: number;
  readonly createdAt: number;
  readonly no: number;
}

/** Those who wait under the same limits and keys: if one could be let in, so could the others. */
interface Lane {
  readonly fair: string;
  readonly limits: readonly Limit[];
  /** In the order in which they come; those before `next` have been let in. */
  readonly places: Place[];
  next: number;
}

/** Everybody who waits, put in order once for any number of choices. */
export type Lanes = readonly Lane[];

const byOrder = (one: Place, other: Place): number =>
  other.priority - one.priority || one.createdAt - other.createdAt || one.no - other.no;

/** The lanes of a gate. Linear in those who wait, but for the sorting. */
export function lanesOf(context: GateContext): Lanes {
  const lanes = new Map<string, Lane>();
  for (const [holder, { fair, limits, priority, createdAt, no }] of Object.entries(
    context.waiting,
  )) {
    const sign = limits.reduce((text, limit) => `${text}\n${limitKey(limit)}`, fair);
    let lane = lanes.get(sign);
    if (lane === undefined) {
      lane = { fair, limits, places: [], next: 0 };
      lanes.set(sign, lane);
    }
    lane.places.push({ holder, priority, createdAt, no });
  }
  for (const { places } of lanes.values()) places.sort(byOrder);
  return [...lanes.values()];
}

/**
 * Who is to be let in now; undefined: nobody can be. Takes the place out of its lane, so the gate must
 * have let that one in before the next is asked for.
 */
export function nextAdmitted(context: GateContext, lanes: Lanes, now: number): string | undefined {
  let best: Lane | undefined;
  for (const lane of lanes) {
    if (lane.next < lane.places.length && (best === undefined || goesFirst(context, lane, best))) {
      if (hasRoom(context, lane.limits, now)) best = lane;
    }
  }
  return best?.places[best.next++]?.holder;
}

function goesFirst(context: GateContext, lane: Lane, best: Lane): boolean {
  const [one, other] = [lane.places[lane.next], best.places[best.next]];
  if (one === undefined || other === undefined) return one !== undefined;
  if (lane.fair === best.fair) return byOrder(one, other) < 0;
  const turns = turnOf(context, lane.fair) - turnOf(context, best.fair);
  return turns === 0 ? one.no < other.no : turns < 0;
}

const turnOf = (context: GateContext, fair: string): number =>
  context.lines[fairKey(fair)]?.turn ?? 0;

/** Whom time alone will let in first, and when; undefined: nobody, something must be released first. */
export function nextByTime(
  context: GateContext,
  lanes: Lanes,
  now: number,
): { readonly holder: string; readonly at: number } | undefined {
  let earliest: { readonly holder: string; readonly at: number } | undefined;
  for (const { places, next, limits } of lanes) {
    const place = places[next];
    if (place === undefined) continue;
    const at = Math.max(...limits.map((limit) => roomAt(context, limit, now)), now);
    if (at < (earliest?.at ?? Number.POSITIVE_INFINITY)) earliest = { holder: place.holder, at };
  }
  return earliest;
}

/** When the limit has room if nothing but time goes by; infinite: never. */
export function roomAt(context: GateContext, limit: Limit, now: number): number {
  if (roomOf(context, limit, now) > 0) return now;
  const { limit: most, perMs } = inForce(context, limit);
  if (perMs === undefined) return Number.POSITIVE_INFINITY;
  const times = [...within(context.times[limitKey(limit)] ?? [], now, perMs)].sort((a, b) => a - b);
  return (times[times.length - most] ?? Number.POSITIVE_INFINITY) + perMs;
}

/** How full a limit is. */
export interface LimitUse extends Limit {
  /** At once, or within the span that ends now. */
  readonly used: number;
}

/** A limit as somebody who waits under it sees it. */
export const useOf = (context: GateContext, limit: Limit, now: number): LimitUse => {
  const force = inForce(context, limit);
  return { ...force, used: force.limit - roomOf(context, limit, now) };
};

/** Where somebody stands who waits. */
export interface Standing {
  /** 1: next of its fair key. */
  readonly place: number;
  /** How many wait with its fair key, and how many fair keys take turns. */
  readonly line: number;
  readonly lines: number;
  /** The limits that have no room for it; none: it is let in as soon as somebody looks. */
  readonly full: readonly LimitUse[];
  /** When time alone makes room for one with its limits (ms since the epoch); null: somebody must end first. */
  readonly roomAt: number | null;
}

/** Undefined when it does not wait. Linear in those who wait. */
export function standingOf(
  context: GateContext,
  holder: string,
  now: number,
): Standing | undefined {
  const ask = Object.hasOwn(context.waiting, holder) ? context.waiting[holder] : undefined;
  if (ask === undefined) return undefined;
  const mine = { ...ask, holder };
  const ahead = Object.entries(context.waiting).filter(
    ([other, one]) => one.fair === ask.fair && byOrder({ ...one, holder: other }, mine) < 0,
  );
  const at = Math.max(...ask.limits.map((limit) => roomAt(context, limit, now)), now);
  return {
    roomAt: Number.isFinite(at) ? at : null,
    place: ahead.length + 1,
    line: context.lines[fairKey(ask.fair)]?.waiting ?? 0,
    lines: Object.keys(context.lines).length,
    full: ask.limits
      .map((limit) => useOf(context, limit, now))
      .filter(({ limit, used }) => used >= limit),
  };
}

/** What the next generation of a gate begins with: counts that time has emptied are left out. */
export function carriedGate(context: GateContext, now: number): object {
  const times: Record<string, readonly number[]> = {};
  const spans = Object.values(context.numbers).map(({ perMs = 0 }) => perMs);
  const longest = Math.max(0, ...spans);
  for (const [key, all] of Object.entries(context.times)) {
    const left = within(all, now, longest);
    if (left.length > 0) times[key] = left;
  }
  return { ...context, times };
}
