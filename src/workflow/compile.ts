/**
 * From what was declared to a workflow with its plan. Everything that can be wrong with a
 * definition as a whole is refused here, before any run exists.
 */
import type { CodePlan, GraphPlan, PlanStep } from "../domain/plan.ts";
import { MillraceError } from "../kernel/errors.ts";
import { checkId, checkNewId } from "../kernel/ids.ts";
import { canonicalJson, digest, toJson } from "../kernel/json.ts";
import { limits } from "../kernel/limits.ts";
import type { Declared } from "./declare.ts";
import type { CodeWorkflow, GraphWorkflow } from "./definition.ts";
import { readFlow } from "./flow.ts";
import { checkAcyclic, checkCollocation, checkDistinct, checkKnown } from "./graph-checks.ts";
import {
  checkFunction,
  durationOption,
  invalid,
  labelOption,
  numberOption,
  type Read,
  readOptions,
  schemaOption,
} from "./options.ts";
import { DEFAULT_RETRY_BUDGET, readWhenFailed } from "./policy.ts";
import { readQueries } from "./queries.ts";

/** What every workflow has besides its code: checked, copied. */
export interface Header {
  readonly name: string;
  readonly retryBudget: number;
  readonly concurrency?: number;
  readonly strategy?: string;
  /** What the plan says of cancellation and of failures for good. */
  readonly endings?: Pick<CodePlan, "cancelGraceMs" | "whenFailed" | "whenUndoFailed">;
  /** The optional parts of a definition that were given. */
  readonly parts: Pick<
    GraphWorkflow,
    "version" | "input" | "output" | "timeoutMs" | "flow" | "queries"
  >;
}

/** What a function has besides its code. */
export interface CodeHeader extends Header {
  readonly continueAt?: number;
}

/** What a graph has besides its steps. */
export interface GraphHeader extends Header {
  readonly onFailure?: "continue";
}

const WORKFLOW_OPTIONS = [
  "input",
  "output",
  "retryBudget",
  "concurrency",
  "timeout",
  "cancelGrace",
  "whenFailed",
  "whenUndoFailed",
  "version",
  "strategy",
  "flow",
  "queries",
] as const;
const CODE_OPTIONS = [...WORKFLOW_OPTIONS, "continueAt"] as const;
const GRAPH_OPTIONS = [...WORKFLOW_OPTIONS, "onFailure"] as const;

/** @throws MillraceError `E_ID_INVALID`, `E_DEF_INVALID` */
export function readHeader(rawName: unknown, rawOptions: unknown): CodeHeader {
  const name = checkNewId("workflow name", rawName);
  const what = `workflow ${name}`;
  const read = readOptions(what, rawOptions, CODE_OPTIONS);
  const range = { min: 10, max: limits.runEventsMax / 2, integer: true } as const;
  const continueAt = numberOption(what, read, "continueAt", range);
  return { ...headerOf(name, read), ...(continueAt === undefined ? {} : { continueAt }) };
}

/** @throws MillraceError `E_ID_INVALID`, `E_DEF_INVALID` */
export function readGraphHeader(rawName: unknown, rawOptions: unknown): GraphHeader {
  const name = checkNewId("workflow name", rawName);
  const what = `workflow ${name}`;
  const read = readOptions(what, rawOptions, GRAPH_OPTIONS);
  const onFailure = readOnFailure(what, read.get("onFailure"));
  return { ...headerOf(name, read), ...(onFailure === "continue" ? { onFailure } : {}) };
}

/** @throws MillraceError `E_ID_INVALID` for anything but the name of a strategy, or nothing */
export const readStrategy = (what: string, raw: unknown): string | undefined =>
  raw === undefined ? undefined : checkId(`${what}: strategy`, raw);

/** @throws MillraceError `E_DEF_INVALID` for anything but the two words, or nothing */
export function readOnFailure(what: string, raw: unknown): "fail-fast" | "continue" {
  if (raw === undefined || raw === "fail-fast") return "fail-fast";
  if (raw === "continue") return raw;
  throw invalid(`${what}: onFailure must be "fail-fast" or "continue"`, { option: "onFailure" });
}

function headerOf(name: string, read: Read): Header {
  const what = `workflow ${name}`;
  const range = { min: 0, max: Number.MAX_SAFE_INTEGER, integer: true } as const;
  const atOnce = { min: 1, max: limits.mapItemsMax, integer: true } as const;
  const concurrency = numberOption(what, read, "concurrency", atOnce);
  const version = labelOption(what, read, "version");
  const strategy = readStrategy(what, read.get("strategy"));
  const input = schemaOption(what, read, "input");
  const output = schemaOption(what, read, "output");
  const timeoutMs = durationOption(what, read, "timeout");
  const flow = readFlow(what, read.get("flow"));
  const queries = readQueries(what, read.get("queries"));
  const cancelGraceMs = durationOption(what, read, "cancelGrace");
  return {
    name,
    retryBudget: numberOption(what, read, "retryBudget", range) ?? DEFAULT_RETRY_BUDGET,
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(strategy === undefined ? {} : { strategy }),
    endings: {
      ...(cancelGraceMs === undefined ? {} : { cancelGraceMs }),
      ...readWhenFailed(what, read),
    },
    parts: {
      ...(version === undefined ? {} : { version }),
      ...(input === undefined ? {} : { input }),
      ...(output === undefined ? {} : { output }),
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
      ...(flow === undefined ? {} : { flow }),
      ...(queries === undefined ? {} : { queries }),
    },
  };
}

/**
 * The workflow that declared steps make.
 * @param returns the step whose result is the run's; undefined: the one declared last
 * @throws MillraceError `E_DEF_EMPTY`, `E_DEF_TOO_LARGE`, `E_DEF_DUPLICATE`, `E_DEF_UNKNOWN_STEP`,
 *   `E_DEF_CYCLE`, `E_DEF_INVALID` (steps that are to run together and cannot)
 */
export function compileGraph(
  header: GraphHeader,
  declared: readonly Declared[],
  returns: string | undefined,
): GraphWorkflow {
  const what = `workflow ${header.name}`;
  const last = declared.at(-1);
  if (last === undefined) throw new MillraceError("E_DEF_EMPTY", `${what} declares no step`);
  const steps = declared.map(({ step }) => step);
  checkSize(what, steps);
  checkDistinct(what, "step", steps);
  checkKnown(what, "step", steps, returns);
  checkCollocation(what, steps);
  const content = {
    kind: "graph",
    retryBudget: header.retryBudget,
    ...(header.concurrency === undefined ? {} : { concurrency: header.concurrency }),
    ...(header.strategy === undefined ? {} : { strategy: header.strategy }),
    ...(header.onFailure === undefined ? {} : { onFailure: header.onFailure }),
    ...header.endings,
    steps: Object.freeze(steps),
    returns: returns ?? last.step.name,
  } as const;
  const version = versionOf({ ...content, label: header.parts.version });
  const plan: GraphPlan = Object.freeze({ version, ...labelled(header), ...content });
  checkAcyclic(what, "step", steps);
  const bodies = new Map(declared.map(({ step, body }) => [step.name, body]));
  return Object.freeze({ kind: "graph", name: header.name, ...header.parts, plan, bodies });
}

/**
 * The workflow that an async function makes.
 * @throws MillraceError `E_DEF_INVALID`
 */
export function compileCode(header: CodeHeader, fn: unknown): CodeWorkflow {
  const { name, retryBudget, concurrency, strategy, endings, continueAt, parts } = header;
  const run = checkFunction<CodeWorkflow["run"]>(`workflow ${name}: its function`, fn);
  const version = versionOf({ kind: "code", name, label: parts.version });
  const plan: CodePlan = Object.freeze({
    kind: "code",
    version,
    ...labelled({ parts }),
    retryBudget,
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(strategy === undefined ? {} : { strategy }),
    ...endings,
    ...(continueAt === undefined ? {} : { continueAt }),
  });
  return Object.freeze({
    kind: "code",
    name,
    ...parts,
    plan,
    run: async (ctx, input) => run(ctx, input),
  } satisfies CodeWorkflow);
}

const labelled = ({ parts }: Pick<Header, "parts">): Pick<GraphPlan, "label"> =>
  parts.version === undefined ? {} : { label: parts.version };

const versionOf = (content: unknown): string => digest(canonicalJson(toJson("plan", content)));

function checkSize(what: string, steps: readonly PlanStep[]): void {
  const max = limits.stepsPerPlanMax;
  if (steps.length <= max) return;
  throw new MillraceError(
    "E_DEF_TOO_LARGE",
    `${what} declares ${steps.length} steps, the limit is ${max}; fan out with map, or split it`,
    { details: { steps: steps.length, max } },
  );
}
