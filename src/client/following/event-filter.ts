/** Which events somebody wants: checked once, then asked of every frame and event. */
import { itemOf, undoOf } from "../../domain/plan.ts";
import { shapes } from "../../events/shapes.ts";
import type { EventType, RecordedEvent } from "../../events/vocabulary.ts";
import { checkId } from "../../kernel/ids.ts";
import { limits } from "../../kernel/limits.ts";
import type { LogScope } from "../../ports/event-log.ts";
import { didYouMean } from "../../workflow/suggest.ts";
import { invalidOption } from "../options.ts";
import { checkLabels } from "../starting/start-run.ts";

/** What an event must be to be wanted: all that is given must hold. Nothing given: every event. */
export interface EventFilter<T extends EventType = EventType> {
  /** Of this run, until its end. */
  readonly run?: string;
  /** Of these runs, at most 1,000. */
  readonly runs?: readonly string[];
  readonly workflow?: string;
  /** Of runs that were started with all of these labels. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly types?: readonly T[];
  /** About these steps. Items of a mapped step, and what undoes a step, count as the step's. */
  readonly steps?: readonly string[];
}

/** The options that a filter takes. */
export const filterOptions = ["run", "runs", "workflow", "labels", "types", "steps"] as const;

/** An event of one of these types, with the fields of that type. */
export type EventOf<T extends EventType> = Extract<RecordedEvent, { readonly type: T }>;

/** A filter that was checked. */
export interface Filter {
  /** The part of the log that can hold such events. */
  readonly scope: LogScope;
  readonly runs: ReadonlySet<string> | undefined;
  readonly labels: readonly (readonly [name: string, value: string])[];
  readonly types: ReadonlySet<EventType> | undefined;
  /** Whether an event of a wanted run is wanted. */
  wants(event: RecordedEvent): boolean;
}

/** @throws MillraceError `E_OPTION_INVALID`, `E_ID_INVALID` */
export function checkFilter(given: EventFilter): Filter {
  const { run, workflow } = given;
  if (run !== undefined) checkId("run id", run);
  if (workflow !== undefined) checkId("workflow name", workflow);
  const runs = setOf("runs", given.runs, (one) => checkId("run id", one));
  if (run !== undefined && runs !== undefined) throw invalidOption("runs", "`run` is given too");
  const types = setOf("types", given.types, knownType);
  const steps = setOf("steps", given.steps, stepName);
  return {
    scope: {
      ...(run === undefined ? {} : { run }),
      ...(workflow === undefined ? {} : { workflow }),
    },
    runs,
    labels: Object.entries(checkLabels(given.labels) ?? {}),
    types,
    wants: (event) =>
      (types === undefined || types.has(event.type)) &&
      (steps === undefined || isAbout(event, steps)),
  };
}

/** A list, not empty: whoever gives an empty one by mistake would wait for ever. */
function setOf<T extends string>(
  option: string,
  list: readonly unknown[] | undefined,
  check: (one: unknown) => T,
): ReadonlySet<T> | undefined {
  if (list === undefined) return undefined;
  if (!Array.isArray(list) || list.length === 0) {
    throw invalidOption(option, "must be a list, not empty");
  }
  if (list.length <= limits.filterEntriesMax) return new Set(list.map(check));
  throw invalidOption(option, `has ${list.length} entries, at most ${limits.filterEntriesMax}`);
}

function knownType(type: unknown): EventType {
  if (typeof type === "string" && Object.hasOwn(shapes, type)) return type as EventType;
  const hint = didYouMean(String(type), Object.keys(shapes));
  throw invalidOption("types", `there is no event ${String(type)}${hint}; see docs/events.md`);
}

function stepName(step: unknown): string {
  if (typeof step === "string" && step !== "") return step;
  throw invalidOption("steps", "must be names of steps");
}

function isAbout(event: RecordedEvent, steps: ReadonlySet<string>): boolean {
  if (!("step" in event) || event.step === undefined) return false;
  if (steps.has(event.step)) return true;
  const step = undoOf(event.step) ?? event.step;
  return steps.has(step) || steps.has(itemOf(step)?.step ?? step);
}
