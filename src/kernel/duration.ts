/** Durations as users write them: a number of milliseconds, or text such as "250ms", "30s", "5m". */
import { MillraceError } from "./errors.ts";

/** Milliseconds, or a number with a unit: "250ms", "1.5s", "5m", "2h", "1d", "1w". */
export type Duration = number | string;

const UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;
const TEXT = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)$/;

/**
 * Milliseconds of a duration.
 * @param what the option's name, for the message
 * @throws MillraceError `E_OPTION_INVALID` for anything but a finite number ≥ 0 or such text
 */
export function millis(what: string, value: Duration): number {
  const parsed = typeof value === "string" ? fromText(value) : value;
  if (typeof parsed === "number" && Number.isFinite(parsed) && parsed >= 0)
    return Math.round(parsed);
  throw new MillraceError(
    "E_OPTION_INVALID",
    `${what}: ${shown(value)} is not a duration; write milliseconds (250) or text ("250ms", "30s", "5m", "2h", "1d", "1w")`,
    { details: { option: what } },
  );
}

function fromText(text: string): number | undefined {
  const match = TEXT.exec(text);
  return match ? Number(match[1]) * UNITS[match[2] as keyof typeof UNITS] : undefined;
}

/** Callers without types may pass anything, also what JSON and String() choke on. */
function shown(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.slice(0, 64));
  return typeof value === "number" ? String(value) : `a value of type ${typeof value}`;
}
