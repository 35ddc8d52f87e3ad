/** What a schedule is declared with, as users write it and as it is recorded. */
import type { Overlap, ScheduleSpec } from "../../../machines/schedule-data.ts";
import { calendarOf, isIdPart, type Times } from "../../domain/schedule.ts";
import { readJson } from "../../engine/values/values.ts";
import { type Duration, millis } from "../../kernel/duration.ts";
import { MillraceError } from "../../kernel/errors.ts";
import { checkId, checkNewId } from "../../kernel/ids.ts";
import { type AnyInstant, anyInstantMs } from "../../kernel/instant.ts";
import { limits } from "../../kernel/limits.ts";
import type { Workflow } from "../../workflow/definition.ts";
import { didYouMean } from "../../workflow/suggest.ts";
import { callOptions, invalidOption, wholeOption } from "../options.ts";
import { checkLabels } from "../starting/start-run.ts";

/** A schedule: which workflow it starts with what, and when. Exactly one of `cron` and `every` is given. */
export interface ScheduleOptions {
  /** Of the schedule; up to 64 characters, without "--". The ids of its runs begin with it. */
  readonly id: string;
  /** The definition, or its name: then this process needs not have it, and its input is not checked yet. */
  readonly workflow: Workflow<never, unknown> | string;
  /** Of every run; JSON of up to 64 KiB. @default none */
  readonly input?: unknown;
  /** Five fields (minute, hour, day of month, month, day of week), six with seconds first, or `@daily`. */
  readonly cron?: string;
  /** IANA name of the time zone that `cron` is read in: "Europe/Vienna". @default "UTC" */
  readonly timeZone?: string;
  /** At whole multiples of this since 1970 (UTC), from a second on: "15m". */
  readonly every?: Duration;
  /** With `every`: so much later. @default 0 */
  readonly offset?: Duration;
  /** It is not due before this. @default from now on */
  readonly startAt?: AnyInstant;
  /** It is not due after this. @default for ever */
  readonly endAt?: AnyInstant;
  /** What happens to a tick while a run of an earlier one has not ended. @default "skip" */
  readonly overlap?: Overlap;
  /** What happens to ticks that nobody was there for. */
  readonly catchUp?: CatchUpOptions;
  /** A run begins by a random part of this later than its tick. @default 0 */
  readonly jitter?: Duration;
  /** Labels of every run. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Whether it is paused from now on. @default as it is; a new one is not */
  readonly paused?: boolean;
  /** Who declares it: recorded. @default the id of this process */
  readonly by?: string;
}

/** Which of the ticks that were missed get a run after all. */
export interface CatchUpOptions {
  /** Those that are no older than this. @default "1h" */
  readonly within?: Duration;
  /** Of them so many of the newest, 0 to 1,000. @default 1 */
  readonly limit?: number;
}

const OPTIONS = [
  ...(["id", "workflow", "input", "cron", "timeZone", "every", "offset", "startAt"] as const),
  ...(["endAt", "overlap", "catchUp", "jitter", "labels", "paused", "by"] as const),
];

/** Every overlap policy, the default first. */
export const overlaps: readonly Overlap[] = [
  "skip",
  "buffer-one",
  "buffer-all",
  "cancel-other",
  "allow",
];

const CATCH_UP_WITHIN_MS = 3_600_000;
const EVERY_MIN_MS = 1_000;

/** A schedule as checked. */
export interface Declaration {
  readonly id: string;
  readonly spec: ScheduleSpec;
  readonly paused: boolean | undefined;
  readonly by: string | undefined;
  /** The definition, if it was given. */
  readonly workflow: Workflow<never, unknown> | undefined;
}

/**
 * @param now ms since the epoch
 * @throws MillraceError `E_OPTION_INVALID`, `E_ID_INVALID`, `E_NOT_JSON`, `E_TOO_LARGE`
 */
export function readSchedule(options: ScheduleOptions, now: number): Declaration {
  const given = callOptions("schedules.put()", options, OPTIONS);
  const { workflow, paused, by } = given;
  const id = checkScheduleId(given.id, checkNewId);
  const definition = typeof workflow === "string" ? undefined : (workflow ?? undefined);
  const times = readTimes(given);
  const labels = checkLabels(given.labels) ?? {};
  if (paused !== undefined && typeof paused !== "boolean") {
    throw invalidOption("paused", "must be true or false");
  }
  if (calendarOf(times).next(now) === undefined) {
    throw invalidOption(times.cron === undefined ? "endAt" : "cron", "it is never due from now on");
  }
  const spec: ScheduleSpec = {
    workflow: checkId("workflow name", definition?.name ?? workflow),
    ...(given.input === undefined ? {} : { input: { json: readInput(id, given.input) } }),
    ...times,
    overlap: checkOverlap(given.overlap ?? "skip"),
    catchUp: readCatchUp(given.catchUp ?? {}),
    jitterMs: given.jitter === undefined ? 0 : millis("jitter", given.jitter),
    labels,
  };
  return { id, spec, paused, by, workflow: definition };
}

/** @throws MillraceError `E_ID_INVALID`, `E_OPTION_INVALID` */
export function checkScheduleId(id: unknown, check = checkId): string {
  const checked = check("schedule id", id);
  return checkIdPart(checked, limits.scheduleIdCharsMax);
}

/** @throws MillraceError `E_OPTION_INVALID` for an id that could not be told in the ids of runs */
export function checkIdPart(id: string, charsMax: number): string {
  if (id.length <= charsMax && isIdPart(id)) return id;
  throw invalidOption("id", `at most ${charsMax} characters, without "--", and not like a time`);
}

/** @throws MillraceError `E_OPTION_INVALID` */
export function checkOverlap(value: unknown): Overlap {
  const known = overlaps.find((one) => one === value);
  if (known !== undefined) return known;
  const hint = typeof value === "string" ? didYouMean(value, overlaps) : "";
  throw invalidOption("overlap", `not one of ${overlaps.join(", ")}${hint}`);
}

function readInput(id: string, input: unknown) {
  const what = `input of schedule ${id}`;
  const json = readJson(what, input);
  const { length } = Buffer.from(JSON.stringify(json));
  if (length <= limits.valueInlineBytesMax) return json;
  throw new MillraceError(
    "E_TOO_LARGE",
    `${what} has ${length} bytes, the limit is ${limits.valueInlineBytesMax}; write it to storage and give a reference`,
  );
}

function readTimes(given: Partial<ScheduleOptions>): Times {
  const { cron, every, timeZone, offset } = given;
  if ((cron === undefined) === (every === undefined)) {
    throw invalidOption("cron", "give exactly one of `cron` and `every`");
  }
  const startAt =
    given.startAt === undefined ? {} : { startAt: anyInstantMs("startAt", given.startAt) };
  const endAt = given.endAt === undefined ? {} : { endAt: anyInstantMs("endAt", given.endAt) };
  const bounds = { ...startAt, ...endAt };
  if (cron !== undefined) {
    if (offset !== undefined) throw invalidOption("offset", "is for `every`; write it into `cron`");
    return { cron: text("cron", cron), timeZone: text("timeZone", timeZone ?? "UTC"), ...bounds };
  }
  if (timeZone !== undefined) throw invalidOption("timeZone", "is for `cron`");
  const everyMs = millis("every", every ?? 0);
  if (everyMs < EVERY_MIN_MS) throw invalidOption("every", "must be a second at least");
  const offsetMs = offset === undefined ? 0 : millis("offset", offset);
  if (offsetMs >= everyMs) throw invalidOption("offset", "must be shorter than `every`");
  return { everyMs, ...(offsetMs === 0 ? {} : { offsetMs }), ...bounds };
}

function text(option: string, value: unknown): string {
  if (typeof value === "string") return value;
  throw invalidOption(option, "must be text");
}

function readCatchUp(raw: CatchUpOptions): ScheduleSpec["catchUp"] {
  const given = callOptions("schedules.put() catchUp", raw, ["within", "limit"]);
  const limit = wholeOption("catchUp.limit", given.limit ?? 1, 0);
  if (limit > limits.catchUpTicksMax) {
    throw invalidOption("catchUp.limit", `at most ${limits.catchUpTicksMax}`);
  }
  return { withinMs: millis("catchUp.within", given.within ?? CATCH_UP_WITHIN_MS), limit };
}
