/**
 * What a command asks and its event records alike: the fields that are always there, and those that are
 * sometimes.
 */
import fc from "fast-check";
import { admissions } from "./gate-arbitraries.ts";
import {
  approvals,
  counts,
  decisions,
  failures,
  ids,
  placements,
  places,
  plans,
  text,
  times,
  timesOrNone,
  values,
} from "./value-arbitraries.ts";

/** Why a run is parked, and until when. */
export const parking = [
  { reason: text, until: timesOrNone },
  { error: failures, faults: counts },
] as const;

/** A start that is gathered into a run. */
export const gathering = [
  { start: ids, input: values, notBefore: times },
  { deadline: times },
] as const;

/** The plan that a run goes by. */
export const planning = [
  { plan: plans },
  { input: values, deadline: times, admission: admissions },
] as const;

/** The plan that it goes by from now on, and who wants that. */
export const migrating = { plan: plans, by: ids, reason: text };

/** A wait for a signal, or for a decision. */
export const waiting = [
  { wait: ids, name: ids, due: timesOrNone },
  { approval: approvals },
] as const;

/** A signal, or a decision. */
export const signalling = [
  { signal: ids, name: ids, payload: values },
  { decision: decisions },
] as const;

/** What a step is scheduled with. */
export const scheduling = {
  maxAttempts: counts,
  startBy: times,
  undo: fc.constant(true as const),
  irreversible: fc.constant(true as const),
  whenFailed: fc.constant("hold" as const),
  whenUndoFailed: fc.constant("hold" as const),
  place: places,
  input: values,
};

/** What an attempt is started with. */
export const starting = { endBy: times, input: values, grant: ids, placement: placements };
