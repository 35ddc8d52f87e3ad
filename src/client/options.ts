/**
 * Options of the client's calls, checked before anything is read or written: a misspelt option that
 * is silently ignored starts the wrong run.
 */
import { MillraceError } from "../kernel/errors.ts";
import { didYouMean } from "../workflow/suggest.ts";

/** The refusal of one option. */
export const invalidOption = (option: string, what: string): MillraceError =>
  new MillraceError("E_OPTION_INVALID", `${option}: ${what}`, { details: { option } });

/**
 * The options in `raw`, each read once into a copy.
 * @param call whose they are, for messages: "start()"
 * @throws MillraceError `E_OPTION_INVALID` for anything but a plain object, or for an unknown option
 */
export function callOptions<T extends object>(
  call: string,
  raw: T,
  known: readonly (keyof T & string)[],
): Partial<T> {
  if (!isPlainObject(raw)) {
    throw new MillraceError("E_OPTION_INVALID", `${call}: its options are not a plain object`);
  }
  const read: Partial<T> = {};
  for (const key of Object.keys(raw)) {
    const name = known.find((one) => one === key);
    if (name === undefined) {
      const hint = didYouMean(key, known);
      const message = `unknown option of ${call}${hint}; known are ${known.join(", ")}`;
      throw invalidOption(key, message);
    }
    const value = raw[name];
    if (value !== undefined) read[name] = value;
  }
  return read;
}

/** True for what a literal makes: no class, no list, nothing inherited. */
export function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null) return false;
  const proto: unknown = Object.getPrototypeOf(value);
  return proto === Object.prototype || proto === null;
}

/** @throws MillraceError `E_OPTION_INVALID` for anything but text of at most `max` characters */
export function textOption(option: string, value: unknown, max: number): string {
  if (typeof value === "string" && value.length <= max) return value;
  throw invalidOption(option, `must be text of at most ${max} characters`);
}

/** @throws MillraceError `E_OPTION_INVALID` for anything but a whole number from `min` */
export function wholeOption(option: string, value: unknown, min: number): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= min) return value;
  throw invalidOption(option, `${shown(value)} is not a whole number from ${min}`);
}

const shown = (value: unknown): string =>
  typeof value === "number" ? String(value) : `a ${typeof value}`;
