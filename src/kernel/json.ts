/**
 * JSON values: what may be recorded. Anything JSON would change silently (Date, Map, NaN, a class
 * instance, a function) is refused with its path, so what a step returned is what its successors get.
 */
import { hash } from "node:crypto";
import { isMillraceError, MillraceError } from "./errors.ts";
import { limits } from "./limits.ts";

/** A value that JSON keeps as it is. */
export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [key: string]: Json };

/**
 * A deep copy of `value` as plain JSON. `undefined` becomes null at the top and in arrays, and is left
 * out of objects. `-0` becomes 0. Keys named `__proto__` are copied as ordinary data.
 * @param what what the value is, for the message: "output of step a"
 * @throws MillraceError `E_NOT_JSON` naming the path of what cannot be kept
 */
export function toJson(what: string, value: unknown): Json {
  const walk: Walk = { what, path: [], seen: new Set(), keys: 0 };
  try {
    return copy(value, walk);
  } catch (cause) {
    if (isMillraceError(cause)) throw cause;
    // Nothing above throws anything else by itself: it came out of the value.
    return refuse(walk, "an object with a getter or a trap that throws", cause);
  }
}

interface Walk {
  readonly what: string;
  readonly path: (string | number)[];
  readonly seen: Set<object>;
  keys: number;
}

function copy(value: unknown, walk: Walk): Json {
  switch (typeof value) {
    case "string":
    case "boolean":
      return value;
    case "number":
      return Number.isFinite(value) ? value + 0 || 0 : refuse(walk, `the number ${value}`);
    case "undefined":
      return null;
    case "object":
      return value === null ? null : copyObject(value, walk);
    default:
      return refuse(walk, `a ${typeof value}`);
  }
}

function copyObject(value: object, walk: Walk): Json {
  if (walk.seen.has(value)) return refuse(walk, "a reference to its own parent (a cycle)");
  if (walk.path.length >= limits.jsonDepthMax)
    return refuse(walk, `nesting deeper than ${limits.jsonDepthMax}`);
  walk.seen.add(value);
  const copied = Array.isArray(value) ? copyArray(value, walk) : copyRecord(value, walk);
  walk.seen.delete(value);
  return copied;
}

function copyArray(value: readonly unknown[], walk: Walk): Json {
  count(walk, value.length);
  return Array.from(value, (item, index) => at(index, item, walk));
}

function copyRecord(value: object, walk: Walk): Json {
  const proto: unknown = Object.getPrototypeOf(value);
  if (proto !== Object.prototype && proto !== null) {
    const name: unknown = (value.constructor as { name?: unknown } | undefined)?.name;
    return refuse(walk, `an instance of ${typeof name === "string" ? name : "a class"}`);
  }
  const keys = Object.keys(value);
  count(walk, keys.length);
  const out: Record<string, Json> = {};
  for (const key of keys) {
    const item = (value as Record<string, unknown>)[key];
    if (item === undefined) continue;
    const copied = at(key, item, walk);
    if (key === "__proto__")
      Object.defineProperty(out, key, {
        value: copied,
        enumerable: true,
        configurable: true,
        writable: true,
      });
    else out[key] = copied;
  }
  return out;
}

function at(step: string | number, item: unknown, walk: Walk): Json {
  walk.path.push(step);
  const copied = copy(item, walk);
  walk.path.pop();
  return copied;
}

function count(walk: Walk, more: number): void {
  walk.keys += more;
  if (walk.keys > limits.jsonKeysMax)
    refuse(walk, `more than ${limits.jsonKeysMax} keys and items`);
}

function refuse(walk: Walk, found: string, cause?: unknown): never {
  const path = walk.path
    .map((step) => (typeof step === "number" ? `[${step}]` : `.${step}`))
    .join("");
  throw new MillraceError(
    "E_NOT_JSON",
    `${walk.what}${path} is ${found}, which JSON cannot keep; return plain data`,
    { cause, details: { path: path || "." } },
  );
}

/** JSON text with object keys in code-unit order: equal values give equal text. */
export function canonicalJson(value: Json): string {
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  const record = value as { readonly [key: string]: Json };
  const keys = Object.keys(record).sort();
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonicalJson(record[key] ?? null)}`).join(",")}}`;
}

/** SHA-256 of text or bytes, as base64url (43 characters). */
export const digest = (data: string | Uint8Array): string => hash("sha256", data, "base64url");
