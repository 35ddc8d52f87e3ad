/**
 * Flow control of a workflow, checked; and what it comes to for one start: everything that is counted is
 * frozen into the run's first event, so whoever hosts it later need not have this code.
 */
import type { Admission, Limit } from "../../machines/gate-data.ts";
import { MillraceError } from "../kernel/errors.ts";
import { limits } from "../kernel/limits.ts";
import {
  checkDuration,
  checkFunction,
  invalid,
  numberOption,
  type Range,
  type Read,
  reading,
  readOptions,
} from "./options.ts";

type KeyOf = (input: unknown) => unknown;

/** A limit before anybody's key is known. */
interface FlowLimit extends Omit<Limit, "key"> {
  readonly keyOf: KeyOf | undefined;
}

/** How starts become one run. */
export type FlowGather =
  | {
      readonly by: "debounce";
      readonly forMs: number;
      readonly maxMs: number;
      readonly keyOf: KeyOf | undefined;
    }
  | {
      readonly by: "batch";
      readonly max: number;
      readonly withinMs: number;
      readonly keyOf: KeyOf | undefined;
    };

/** Flow control as checked; frozen. */
export interface Flow {
  readonly limits: readonly FlowLimit[];
  readonly priority: number | KeyOf;
  readonly fair: KeyOf | undefined;
  readonly gather: FlowGather | undefined;
}

const FLOW_OPTIONS = [
  "concurrency",
  "rateLimit",
  "priority",
  "fairness",
  "debounce",
  "batch",
] as const;
const KEY_CHARS_MAX = 256;
const PRIORITY_MAX = 1_000_000;
const COUNT: Range = { min: 1, max: Number.MAX_SAFE_INTEGER, integer: true };
const RATE: Range = { min: 1, max: limits.rateMax, integer: true };

/** @throws MillraceError `E_DEF_INVALID`, `E_OPTION_INVALID` */
export function readFlow(owner: string, raw: unknown): Flow | undefined {
  if (raw === undefined) return undefined;
  const what = `${owner}: flow`;
  const read = readOptions(what, raw, FLOW_OPTIONS);
  const gather = readDebounce(what, read.get("debounce"));
  const batch = readBatch(what, read.get("batch"));
  if (gather !== undefined && batch !== undefined) {
    throw invalid(`${what}: starts are either debounced or batched, not both`);
  }
  const all = [...readConcurrency(what, read), ...readRates(what, read)];
  const fairness = read.get("fairness");
  const fair =
    fairness === undefined
      ? all.find(({ keyOf }) => keyOf !== undefined)?.keyOf
      : keyOption(`${what}: fairness`, readOptions(`${what}: fairness`, fairness, ["key"]));
  return Object.freeze({
    limits: Object.freeze(all),
    priority: readPriority(what, read),
    fair,
    gather: gather ?? batch,
  });
}

/** One or several of something. */
const several = (what: string, raw: unknown): readonly unknown[] => {
  if (raw === undefined) return [];
  return reading(what, () => (Array.isArray(raw) ? Array.from<unknown>(raw) : [raw]));
};

/** The first is called as its kind, others have a number. */
const named = (kind: string, index: number): string =>
  index === 0 ? kind : `${kind}.${index + 1}`;

function readConcurrency(owner: string, read: Read): FlowLimit[] {
  return several(owner, read.get("concurrency")).map((raw, index) => {
    const name = named("concurrency", index);
    const what = `${owner}: ${name}`;
    const options = readOptions(what, raw, ["limit", "key"]);
    const limit = demanded(what, "limit", numberOption(what, options, "limit", COUNT));
    return { name, limit, keyOf: keyOption(what, options) };
  });
}

function readRates(owner: string, read: Read): FlowLimit[] {
  return several(owner, read.get("rateLimit")).map((raw, index) => {
    const name = named("rateLimit", index);
    const what = `${owner}: ${name}`;
    const options = readOptions(what, raw, ["limit", "per", "key"]);
    const limit = demanded(what, "limit", numberOption(what, options, "limit", RATE));
    return {
      name,
      limit,
      perMs: spanOption(what, options, "per"),
      keyOf: keyOption(what, options),
    };
  });
}

function readDebounce(owner: string, raw: unknown): FlowGather | undefined {
  if (raw === undefined) return undefined;
  const what = `${owner}: debounce`;
  const options = readOptions(what, raw, ["for", "max", "key"]);
  const forMs = spanOption(what, options, "for");
  const maxMs = options.has("max") ? spanOption(what, options, "max") : Number.MAX_SAFE_INTEGER;
  if (maxMs < forMs) throw invalid(`${what}: max is shorter than for`, { option: "max" });
  return { by: "debounce", forMs, maxMs, keyOf: keyOption(what, options) };
}

function readBatch(owner: string, raw: unknown): FlowGather | undefined {
  if (raw === undefined) return undefined;
  const what = `${owner}: batch`;
  const options = readOptions(what, raw, ["max", "within", "key"]);
  const range = { min: 1, max: limits.batchMax, integer: true } as const;
  const max = demanded(what, "max", numberOption(what, options, "max", range));
  const withinMs = spanOption(what, options, "within");
  return { by: "batch", max, withinMs, keyOf: keyOption(what, options) };
}

function readPriority(what: string, read: Read): Flow["priority"] {
  const raw = read.get("priority") ?? 0;
  if (typeof raw === "number") return checkPriority(`${what}: priority`, raw);
  return checkFunction<KeyOf>(`${what}: priority`, raw);
}

/** @throws MillraceError `E_OPTION_INVALID` for anything but a whole number within a million of zero */
export function checkPriority(what: string, value: unknown): number {
  if (Number.isSafeInteger(value) && Math.abs(value as number) <= PRIORITY_MAX) {
    return value as number;
  }
  throw new MillraceError(
    "E_OPTION_INVALID",
    `${what} must be a whole number from ${-PRIORITY_MAX} to ${PRIORITY_MAX}`,
    { details: { option: "priority" } },
  );
}

const keyOption = (what: string, read: Read): KeyOf | undefined => {
  const raw = read.get("key");
  return raw === undefined ? undefined : checkFunction<KeyOf>(`${what}: key`, raw);
};

function spanOption(what: string, read: Read, key: string): number {
  const ms = checkDuration(`${what}: ${key}`, demanded(what, key, read.get(key)));
  if (ms > 0) return ms;
  throw invalid(`${what}: ${key} must be above zero`, { option: key });
}

function demanded<T>(what: string, key: string, value: T | undefined): T {
  if (value !== undefined) return value;
  throw invalid(`${what}: ${key} is missing`, { option: key });
}

/** What somebody says at one start, beside what the workflow says. */
export interface EntryWishes {
  readonly priority?: number | undefined;
  /** Limits that only this run has. */
  readonly limits?: readonly Limit[] | undefined;
}

/**
 * What a run of the workflow is to be admitted by; undefined: by nothing.
 * @param input of the start, as recorded
 * @throws MillraceError `E_OPTION_INVALID` when a key is no text, or a priority no number, or its function throws
 */
export function admissionOf(
  workflow: { readonly name: string; readonly flow?: Flow },
  input: unknown,
  wishes: EntryWishes = {},
): Admission | undefined {
  const { name, flow } = workflow;
  const own = flow?.limits.map(({ keyOf, ...limit }) => {
    return { ...limit, key: keyFor(`${name}: key of ${limit.name}`, keyOf, input) };
  });
  const all = [...(own ?? []), ...(wishes.limits ?? [])];
  if (all.length === 0 && flow?.gather === undefined) return undefined;
  const asked = flow?.priority ?? 0;
  const priority =
    wishes.priority ?? (typeof asked === "number" ? asked : call(name, asked, input));
  return {
    gate: name,
    limits: all,
    priority: checkPriority(`${name}: priority`, priority),
    fair: keyFor(`${name}: key of fairness`, flow?.fair, input),
  };
}

/** The key of an input, as text; "" when there is no key to tell them apart by. */
export function keyFor(what: string, keyOf: KeyOf | undefined, input: unknown): string {
  if (keyOf === undefined) return "";
  const key = call(what, keyOf, input);
  if (typeof key === "string" && key.length <= KEY_CHARS_MAX) return key;
  throw refused(what, `it must be text of at most ${KEY_CHARS_MAX} characters`);
}

function call(what: string, fn: KeyOf, input: unknown): unknown {
  try {
    return fn(structuredClone(input));
  } catch (cause) {
    throw refused(what, "its function has thrown", cause);
  }
}

const refused = (what: string, why: string, cause?: unknown): MillraceError =>
  new MillraceError("E_OPTION_INVALID", `${what}: ${why}`, { cause });
