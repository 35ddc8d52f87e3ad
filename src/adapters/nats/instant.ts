/**
 * Instants as the server writes them (RFC 3339, UTC, milliseconds). `Date` stays in the kernel,
 * where it reads the clock; this is arithmetic only.
 */

const MS_PER_DAY = 86_400_000;
const DAYS_PER_ERA = 146_097;
/** From 1 March of year 0, where leap days end years, to 1 January 1970. */
const DAYS_TO_EPOCH = 719_468;
/** The last instant with a year of four digits. */
const LATEST_MS = 253_402_300_799_999;

/**
 * "2026-03-01T12:00:00.500Z" for milliseconds since the epoch: never earlier than asked (fractions
 * are rounded up), never before 1970 and never after the year 9999.
 * Algorithm: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`.
 */
export function rfc3339(ms: number): string {
  const at = Math.min(Math.max(Math.ceil(ms), 0), LATEST_MS);
  const days = Math.floor(at / MS_PER_DAY) + DAYS_TO_EPOCH;
  const era = Math.floor(days / DAYS_PER_ERA);
  const dayOfEra = days - era * DAYS_PER_ERA;
  const leaps = (divisor: number): number => Math.floor(dayOfEra / divisor);
  const yearOfEra = Math.floor((dayOfEra - leaps(1_460) + leaps(36_524) - leaps(146_096)) / 365);
  const leapDays = Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100);
  const dayOfYear = dayOfEra - (365 * yearOfEra + leapDays);
  const monthFromMarch = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * monthFromMarch + 2) / 5) + 1;
  const month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  const part = (unit: number, of: number): string => padded(Math.floor(at / unit) % of, 2);
  const time = `${part(3_600_000, 24)}:${part(60_000, 60)}:${part(1_000, 60)}`;
  const date = `${padded(year, 4)}-${padded(month, 2)}-${padded(day, 2)}`;
  return `${date}T${time}.${padded(at % 1_000, 3)}Z`;
}

const padded = (value: number, digits: number): string => String(value).padStart(digits, "0");
