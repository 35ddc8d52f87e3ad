/**
 * Reading what users hand to a definition. Every property is read exactly once into a copy, so
 * getters and proxies cannot answer twice, and nothing the user changes later has an effect.
 */
import type { StandardSchemaV1 } from "@standard-schema/spec";
import { type Duration, millis } from "../kernel/duration.ts";
import { isMillraceError, MillraceError } from "../kernel/errors.ts";
import { didYouMean } from "./suggest.ts";

/** Options after reading: own, known, and not undefined. */
export type Read = ReadonlyMap<string, unknown>;

/** A refused definition. */
export const invalid = (message: string, details: Record<string, unknown> = {}): MillraceError =>
  new MillraceError("E_DEF_INVALID", message, { details });

/**
 * Runs code that reads a user's object: its getters and traps may throw anything.
 * @throws MillraceError `E_DEF_INVALID` with what they threw as cause
 */
export function reading<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (isMillraceError(cause)) throw cause;
    throw new MillraceError("E_DEF_INVALID", `${what}: reading its options failed`, { cause });
  }
}

/**
 * The options in `raw`, each read once. Absent and undefined mean the same.
 * @param what whose options they are, for messages: "step a"
 * @throws MillraceError `E_DEF_INVALID` for anything but a plain object, or for an unknown option
 */
export function readOptions(what: string, raw: unknown, known: readonly string[]): Read {
  if (raw === undefined) return new Map();
  return reading(what, () => {
    if (!isPlainObject(raw)) throw invalid(`${what}: its options are not a plain object`);
    const read = new Map<string, unknown>();
    for (const key of Object.keys(raw)) {
      if (!known.includes(key)) {
        throw invalid(
          `${what}: unknown option ${JSON.stringify(key)}${didYouMean(key, known)}; known are ${known.join(", ")}`,
          { option: key },
        );
      }
      const value = raw[key];
      if (value !== undefined) read.set(key, value);
    }
    return read;
  });
}

/** True for what a literal makes: no class, no list, nothing inherited. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const proto: unknown = Object.getPrototypeOf(value);
  return proto === Object.prototype || proto === null;
}

/** The bounds of a number option. */
export interface Range {
  readonly min: number;
  readonly max: number;
  readonly integer?: true;
}

/** @throws MillraceError `E_DEF_INVALID` for anything but a number within `range` */
export function numberOption(
  what: string,
  read: Read,
  key: string,
  range: Range,
): number | undefined {
  const value = read.get(key);
  if (value === undefined) return undefined;
  const { min, max, integer } = range;
  const fits = typeof value === "number" && value >= min && value <= max;
  if (fits && (!integer || Number.isInteger(value))) return value;
  throw invalid(
    `${what}: ${key} is ${shown(value)}; it must be ${integer ? "a whole number" : "a number"} from ${min} to ${max}`,
    { option: key },
  );
}

/**
 * Milliseconds of a duration option.
 * @throws MillraceError `E_OPTION_INVALID`
 */
export function durationOption(what: string, read: Read, key: string): number | undefined {
  const value = read.get(key);
  return value === undefined ? undefined : checkDuration(`${what}: ${key}`, value);
}

/**
 * Milliseconds of a duration, exactly representable: times are added to it.
 * @throws MillraceError `E_OPTION_INVALID`
 */
export function checkDuration(what: string, value: unknown): number {
  const ms = millis(what, value as Duration);
  if (Number.isSafeInteger(ms)) return ms;
  throw new MillraceError(
    "E_OPTION_INVALID",
    `${what}: ${shown(value)} is longer than time lasts`,
    {
      details: { option: what },
    },
  );
}

/** @throws MillraceError `E_DEF_INVALID` for anything but a Standard Schema of version 1 */
export function schemaOption(what: string, read: Read, key: string): StandardSchemaV1 | undefined {
  const value = read.get(key);
  if (value === undefined) return undefined;
  if (reading(what, () => isSchema(value))) return value as StandardSchemaV1;
  throw invalid(
    `${what}: ${key} is not a schema; give one of a library that implements Standard Schema (zod, valibot, arktype …)`,
    { option: key },
  );
}

/** Some libraries' schemas are functions (arktype). */
function isSchema(value: unknown): boolean {
  if ((typeof value !== "object" && typeof value !== "function") || value === null) return false;
  const standard = (value as Partial<StandardSchemaV1>)["~standard"];
  return standard?.version === 1 && typeof standard.validate === "function";
}

type AnyFunction = (...args: never[]) => unknown;

/** @throws MillraceError `E_DEF_INVALID` for anything but a function */
export function checkFunction<F extends AnyFunction>(what: string, value: unknown): F {
  if (typeof value === "function") return value as F;
  throw invalid(`${what} is ${shown(value)}, not a function`);
}

/** @throws MillraceError `E_DEF_INVALID` for anything but text of 1 to 128 characters */
export function labelOption(what: string, read: Read, key: string): string | undefined {
  const value = read.get(key);
  if (value === undefined) return undefined;
  if (typeof value === "string" && value.length > 0 && value.length <= 128) return value;
  throw invalid(`${what}: ${key} is ${shown(value)}; it must be text of 1 to 128 characters`, {
    option: key,
  });
}

function shown(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.slice(0, 64));
  if (typeof value === "object" && value !== null)
    return Array.isArray(value) ? "a list" : "an object";
  return typeof value === "function" ? "a function" : String(value);
}

/** @throws MillraceError `E_DEF_INVALID` for anything but true, false or nothing */
export function flagOption(what: string, read: Read, key: string): boolean {
  const given = read.get(key) ?? false;
  if (typeof given === "boolean") return given;
  throw invalid(`${what}: ${key} must be true or false`, { option: key });
}
