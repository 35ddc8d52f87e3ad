/**
 * Calendars: when a cron expression is due. Local times are those of a time zone, so days of 23 and 25
 * hours count: croner follows Vixie cron there (its readme, "DST handling"). A fixed time of day that
 * does not exist is due at the first moment after the gap, one that exists twice is due at its first;
 * expressions with lists, ranges, steps or `*` in seconds, minutes or hours are due at every local time
 * that fits, skipped or repeated as the clock on the wall is.
 */
import { Cron } from "croner";
import { MillraceError } from "./errors.ts";

/** When something is due (ms since the epoch). */
export interface Calendar {
  /** The first time past `after`; undefined: there is none. */
  next(after: number): number | undefined;
  /** The last time up to and including `upTo`; undefined: there is none. */
  last(upTo: number): number | undefined;
}

/** A time in letters and digits only: "20260329T010000000Z". */
export const timeStamp = (at: number): string => new Date(at).toISOString().replace(/[-:.]/g, "");

const calendars = new Map<string, Calendar>();
const CALENDARS_KEPT = 256;

/** Five, six or seven fields, or a word such as `@daily`: croner also reads single dates, which are no cron. */
const CRON = /^(?:@\w+|\S+(?:\s+\S+){4,6})$/;

/**
 * The calendar of a cron expression: five fields (minute, hour, day of month, month, day of week), or
 * six with seconds first, or `@daily` and the like.
 * @param timeZone IANA name: "UTC", "Europe/Vienna"
 * @throws MillraceError `E_OPTION_INVALID` for an expression or a time zone that is none
 */
export function cronCalendar(expression: string, timeZone: string): Calendar {
  const key = `${timeZone} ${expression}`;
  const known = calendars.get(key);
  if (known !== undefined) return known;
  const made = read(expression.trim(), timeZone);
  if (calendars.size >= CALENDARS_KEPT) calendars.clear();
  calendars.set(key, made);
  return made;
}

function read(expression: string, timeZone: string): Calendar {
  if (!CRON.test(expression)) {
    const five = "five fields (minute, hour, day of month, month, day of week)";
    throw refused("cron", expression, `write ${five}, or six with seconds first, or @daily`);
  }
  // Croner finds out late about a zone that is none, and takes the machine's own for an empty one.
  attempt("timeZone", timeZone, () => new Intl.DateTimeFormat("en", { timeZone }));
  const cron = attempt("cron", expression, () => {
    return new Cron(expression, { timezone: timeZone, paused: true });
  });
  return {
    next: (after) => cron.nextRun(new Date(after))?.getTime(),
    last: (upTo) => cron.previousRuns(1, new Date(upTo + 1))[0]?.getTime(),
  };
}

/** Whatever croner says about what it was given, it is the giver's to mend. */
function attempt<T>(option: string, given: string, make: () => T): T {
  try {
    return make();
  } catch (cause) {
    throw refused(option, given, cause instanceof Error ? cause.message : String(cause), cause);
  }
}

const refused = (option: string, given: string, why: string, cause?: unknown): MillraceError =>
  new MillraceError(
    "E_OPTION_INVALID",
    `${option}: ${JSON.stringify(given.slice(0, 64))}: ${why}`,
    {
      cause,
      details: { option },
    },
  );
