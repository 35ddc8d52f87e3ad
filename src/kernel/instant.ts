/** Instants: as users give them (a `Date`, or milliseconds since the epoch), and as text for others. */
import { MillraceError } from "./errors.ts";

/** A moment in time: a `Date`, or milliseconds since the Unix epoch. */
export type Instant = Date | number;

/** The last instant with a year of four digits. */
const LATEST_MS = 253_402_300_799_999;

/**
 * Milliseconds since the epoch.
 * @param what the option's name, for the message
 * @throws MillraceError `E_OPTION_INVALID` for anything but a valid `Date` or a finite number
 */
export function instantMs(what: string, value: Instant): number {
  const ms = value instanceof Date ? value.getTime() : value;
  if (typeof ms === "number" && Number.isFinite(ms)) return ms;
  throw new MillraceError(
    "E_OPTION_INVALID",
    `${what}: must be a valid Date, or milliseconds since the epoch`,
    { details: { option: what } },
  );
}

/**
 * "2026-03-01T12:00:00.500Z" (RFC 3339, UTC): never earlier than asked (fractions are rounded up), never
 * before 1970 and never after the year 9999.
 */
export const rfc3339 = (ms: number): string =>
  new Date(Math.min(Math.max(Math.ceil(ms), 0), LATEST_MS)).toISOString();

/** A date, and a time with its zone if there is one: `2026-03-01`, `2026-03-01T12:00:00.5+01:00`. */
const RFC3339 = /^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d)?)?$/i;

/**
 * Milliseconds of a time as people and programs write it; undefined for any other text. A time without
 * a zone is this machine's.
 */
export function instantOf(text: string): number | undefined {
  const ms = RFC3339.test(text) ? Date.parse(text.replace(" ", "T")) : Number.NaN;
  return Number.isNaN(ms) ? undefined : ms;
}

/** An instant, or text with its offset from UTC: "2026-12-24T18:00:00Z". */
export type AnyInstant = Instant | string;

/** Without an offset the same text would be another time on another machine. */
const OFFSET = /(?:Z|[+-]\d\d:\d\d)$/i;

/**
 * Milliseconds since the epoch, whole ones: what the log keeps of an instant.
 * @param what the option's name, for the message
 * @throws MillraceError `E_OPTION_INVALID`
 */
export function anyInstantMs(what: string, value: unknown): number {
  if (typeof value !== "string") {
    const ms = Math.ceil(instantMs(what, value as Instant));
    if (Number.isSafeInteger(ms)) return ms;
  }
  const text = String(value);
  const ms = OFFSET.test(text) ? instantOf(text) : undefined;
  if (ms !== undefined) return ms;
  throw new MillraceError(
    "E_OPTION_INVALID",
    `${what}: ${JSON.stringify(text.slice(0, 64))} is not an instant; give a Date, milliseconds since the epoch, or text with its offset ("2026-12-24T18:00:00Z", "2026-12-24T18:00:00+01:00")`,
    { details: { option: what } },
  );
}
