/** One function of a DAG: what users say about it, checked and copied. */
import { checkResources, type Resources } from "../cluster/resources.ts";
import type { Duration } from "../kernel/duration.ts";
import { checkId } from "../kernel/ids.ts";
import { limits } from "../kernel/limits.ts";
import {
  checkFunction,
  durationOption,
  invalid,
  numberOption,
  type Read,
  reading,
  readOptions,
} from "./options.ts";
import type { StepContext } from "./step-context.ts";

/**
 * The code of a function. Called with the results of `args` in their order, then `extraArgs`. `this` is
 * the step's context (`this.signal`, `this.attempt` …) for functions that are no arrows.
 */
export type FunctionCode = (this: StepContext, ...args: never[]) => unknown;

/**
 * Changes a value where it was made: called with it, the node that it comes from, and the one that it goes
 * to (null when the function that takes it is not tied to a node: it is placed later).
 */
export type SerializeCode = (data: never, source: string, target: string | null) => unknown;

/** Changes a value where it is taken: called with it, the node that it comes from, and this one. */
export type DeserializeCode = (data: never, source: string, target: string) => unknown;

/** An argument that is changed on its way from its function to the one that takes it. */
export interface FunctionArgument {
  readonly id: string;
  /** Runs where the value was made, as a step of its own. @default the value as it is */
  readonly serialize?: SerializeCode;
  /** Runs where the value is taken, as a step of its own. @default the value as it is */
  readonly deserialize?: DeserializeCode;
}

/** What each item of a stream brings with it: its value is given to `push`. */
export interface InputNode {
  /** Its name in the DAG, as for functions. */
  readonly id: string;
  readonly type: "input";
}

/** A function of a DAG, or an input of it. */
export type DagNode = FunctionNode | InputNode;

/** A function of a DAG. */
export interface FunctionNode {
  /** Its name in the DAG: 1 to 128 of `A-Z a-z 0-9 _ -`, the first a letter or digit. */
  readonly id: string;
  /** Functions whose results it takes, in this order; they run before it. @default none */
  readonly args?: readonly (string | FunctionArgument)[];
  readonly code: FunctionCode;
  /** The id of a node, or the function on whose node it runs. @default chosen by the strategy */
  readonly node?: string | { readonly collocated: string };
  /** What it takes of its node while it runs: any amounts by name. @default nothing */
  readonly cost?: Resources;
  /** Given after the results; not recorded. @default none */
  readonly extraArgs?: readonly unknown[];
  /**
   * `inline`: evaluated by each function that takes it, on its node, once for each; neither a step nor
   * among the results. @default "regular"
   */
  readonly type?: "regular" | "inline";
  /** `as_list`: the results are one argument, a list. @default "variadic" */
  readonly argumentInclusion?: "variadic" | "as_list";
  /** Further attempts after the first has failed, made at once. @default the call's, or 3 */
  readonly maxRetries?: number;
  /** Where its result is kept: see `PolicyOptions.durability`. @default "durable" */
  readonly durability?: "durable" | "node";
  /** In a stream: makes what each worker in a process has for itself, given as the last argument. */
  readonly init?: () => unknown;
  /** In a stream: how many calls, in each process, run at once. @default no bound but that of the nodes */
  readonly parallelism?: number;
  /**
   * In a stream: items are given as a list, up to so many, and a list of as many results comes back; an
   * Error in it is the failure of that item alone. Of an item there is what the function takes: its one
   * argument, or the list of them. @default one at a time
   */
  readonly batchSize?: number;
  /** A batch that is not complete after this long goes on as it is. @default "100ms" */
  readonly batchTimeout?: Duration;
}

/** How a function treats the items of a stream, after reading. */
export interface StageOptions {
  readonly init?: () => unknown;
  readonly parallelism?: number;
  readonly batchSize?: number;
  readonly batchTimeoutMs?: number;
}

/** A function of a DAG after reading: nothing that its author changes later has an effect. */
export interface DagFunction {
  readonly id: string;
  readonly args: readonly FunctionArgument[];
  readonly code: FunctionCode;
  readonly node?: string;
  readonly collocated?: string;
  readonly cost?: Resources;
  readonly extraArgs: readonly unknown[];
  /** Evaluated where it is taken; inputs are too. */
  readonly inline: boolean;
  /** What the items of a stream bring. */
  readonly input?: true;
  readonly stage: StageOptions;
  readonly durability?: "node";
  readonly asList: boolean;
  readonly maxRetries?: number;
}

/** The range of `maxRetries`. */
export const RETRIES = { min: 0, max: limits.attemptsMax - 1, integer: true } as const;

const NODE_OPTIONS = [
  "id",
  "args",
  "code",
  "node",
  "cost",
  "extraArgs",
  "type",
  "argumentInclusion",
  "maxRetries",
  "durability",
  "init",
  "parallelism",
  "batchSize",
  "batchTimeout",
] as const;

/** @throws MillraceError `E_ID_INVALID`, `E_DEF_INVALID`, `E_OPTION_INVALID` */
export function readFunction(raw: DagNode): DagFunction {
  if (raw === undefined) throw invalid("a function of a DAG is undefined");
  if (raw?.type === "input") return readInput(raw);
  const read = readOptions("a function of a DAG", raw, NODE_OPTIONS);
  const id = checkId("function id", read.get("id"));
  const what = `function ${id}`;
  const cost = read.get("cost");
  const maxRetries = numberOption(what, read, "maxRetries", RETRIES);
  return Object.freeze({
    id,
    args: Object.freeze(listOf(what, read, "args").map((arg) => readArgument(what, arg))),
    code: checkFunction<FunctionCode>(`${what}: code`, read.get("code")),
    ...readNode(what, read.get("node")),
    ...(cost === undefined ? {} : { cost: checkResources(`${what}: cost`, cost) }),
    extraArgs: Object.freeze(listOf(what, read, "extraArgs")),
    inline: oneOf(what, read, "type", ["regular", "inline"]) === "inline",
    ...(oneOf(what, read, "durability", ["durable", "node"]) === "node"
      ? { durability: "node" as const }
      : {}),
    asList: oneOf(what, read, "argumentInclusion", ["variadic", "as_list"]) === "as_list",
    ...(maxRetries === undefined ? {} : { maxRetries }),
    stage: Object.freeze(readStage(what, read)),
  });
}

/** What nobody gave to `push` was refused there. */
function readInput(raw: InputNode): DagFunction {
  const read = readOptions("an input of a DAG", raw, ["id", "type"]);
  const id = checkId("input id", read.get("id"));
  function code(this: StepContext): unknown {
    return (this.input as Readonly<Record<string, unknown>>)[id];
  }
  const nothing = { args: [], extraArgs: [], stage: {}, asList: false } as const;
  return Object.freeze({ id, code, inline: true, input: true, ...nothing });
}

const COUNT = { min: 1, max: limits.mapItemsMax, integer: true } as const;

function readStage(what: string, read: Read): StageOptions {
  const init = read.get("init");
  const parallelism = numberOption(what, read, "parallelism", COUNT);
  const batchSize = numberOption(what, read, "batchSize", COUNT);
  const batchTimeoutMs = durationOption(what, read, "batchTimeout");
  if (batchTimeoutMs !== undefined && batchSize === undefined) {
    throw invalid(`${what}: a batchTimeout without a batchSize`, { option: "batchTimeout" });
  }
  return {
    ...(init === undefined ? {} : { init: checkFunction<() => unknown>(`${what}: init`, init) }),
    ...(parallelism === undefined ? {} : { parallelism }),
    ...(batchSize === undefined ? {} : { batchSize }),
    ...(batchTimeoutMs === undefined ? {} : { batchTimeoutMs }),
  };
}

function listOf(what: string, read: Read, key: string): readonly unknown[] {
  const raw = read.get(key);
  const list = reading(what, () => (Array.isArray(raw) ? Array.from<unknown>(raw) : undefined));
  if (raw === undefined) return [];
  if (list === undefined) throw invalid(`${what}: ${key} is not a list`, { option: key });
  return list;
}

function readArgument(what: string, raw: unknown): FunctionArgument {
  if (typeof raw === "string") return { id: checkId(`${what}: argument`, raw) };
  const read = readOptions(`${what}: argument`, raw ?? null, ["id", "serialize", "deserialize"]);
  const id = checkId(`${what}: argument`, read.get("id"));
  return Object.freeze({
    id,
    serialize: converter(`${what}: serialize of ${id}`, read.get("serialize")),
    deserialize: converter(`${what}: deserialize of ${id}`, read.get("deserialize")),
  });
}

const converter = (what: string, raw: unknown): DeserializeCode & SerializeCode =>
  raw === undefined ? (data: unknown) => data : checkFunction<SerializeCode>(what, raw);

function readNode(what: string, raw: unknown): Pick<DagFunction, "node" | "collocated"> {
  if (raw === undefined) return {};
  if (typeof raw === "string") return { node: checkId(`${what}: node`, raw) };
  const read = readOptions(`${what}: node`, raw, ["collocated"]);
  return { collocated: checkId(`${what}: collocated with`, read.get("collocated")) };
}

function oneOf<T extends string>(
  what: string,
  read: Read,
  key: string,
  [usual, other]: readonly [T, T],
): T {
  const raw = read.get(key) ?? usual;
  if (raw === usual || raw === other) return raw as T;
  throw invalid(`${what}: ${key} must be "${usual}" or "${other}"`, { option: key });
}
