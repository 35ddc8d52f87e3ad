/** What the checkpoint store accepts from its callers. */
import { MillraceError } from "../kernel/errors.ts";

const TEXT_CHARS_MAX = 1_024;

/**
 * Names of nodes and types of events are payload: any text, so long as there is some.
 * @throws MillraceError `E_OPTION_INVALID`
 */
export function checkText(what: string, value: unknown): string {
  if (typeof value === "string" && value.length > 0 && value.length <= TEXT_CHARS_MAX) {
    if (value.isWellFormed()) return value;
  }
  throw invalid(what, `must be text of 1 to ${TEXT_CHARS_MAX} characters`);
}

/** @throws MillraceError `E_OPTION_INVALID` */
export function checkMetadata(
  metadata: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const entries = Object.entries(metadata);
  for (const [name, value] of entries) {
    if (typeof value !== "string") throw invalid("metadata", `${name} is no text`);
  }
  return Object.fromEntries(entries);
}

/** @throws MillraceError `E_OPTION_INVALID` */
export function checkCount(what: string, value: number): number {
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw invalid(what, `${value} is not a whole number from 0`);
}

/** An option that cannot be used, and why. */
export const invalid = (option: string, why: string): MillraceError =>
  new MillraceError("E_OPTION_INVALID", `${option}: ${why}`, { details: { option } });
