/**
 * From what was declared to a workflow with its plan. Everything that can be wrong with a
 * definition as a whole is refused here, before any run exists.
 */
import type { CodePlan, GraphPlan, PlanStep } from "../domain/plan.ts";
import { MillraceError } from "../kernel/errors.ts";
import { checkId } from "../kernel/ids.ts";
import { canonicalJson, digest, toJson } from "../kernel/json.ts";
import { limits } from "../kernel/limits.ts";
import { findCycle } from "./cycle.ts";
import type { Declared } from "./declare.ts";
import type { CodeWorkflow, GraphWorkflow } from "./definition.ts";
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
import { DEFAULT_RETRY_BUDGET } from "./policy.ts";
import { didYouMean } from "./suggest.ts";

/** What every workflow has besides its code: checked, copied. */
export interface Header {
  readonly name: string;
  readonly retryBudget: number;
  readonly concurrency?: number;
  /** The optional parts of a definition that were given. */
  readonly parts: Pick<GraphWorkflow, "version" | "input" | "output" | "timeoutMs">;
}

/** What a graph has besides its steps. */
export interface GraphHeader extends Header {
  readonly onFailure?: "continue";
}

/** Looking for a similar name costs a pass over all names. */
const SUGGESTED = 8;
const WORKFLOW_OPTIONS = [
  "input",
  "output",
  "retryBudget",
  "concurrency",
  "timeout",
  "version",
] as const;
const GRAPH_OPTIONS = [...WORKFLOW_OPTIONS, "onFailure"] as const;

/** @throws MillraceError `E_ID_INVALID`, `E_DEF_INVALID` */
export function readHeader(rawName: unknown, rawOptions: unknown): Header {
  const name = checkId("workflow name", rawName);
  return headerOf(name, readOptions(`workflow ${name}`, rawOptions, WORKFLOW_OPTIONS));
}

/** @throws MillraceError `E_ID_INVALID`, `E_DEF_INVALID` */
export function readGraphHeader(rawName: unknown, rawOptions: unknown): GraphHeader {
  const name = checkId("workflow name", rawName);
  const what = `workflow ${name}`;
  const read = readOptions(what, rawOptions, GRAPH_OPTIONS);
  const onFailure = readOnFailure(what, read.get("onFailure"));
  return { ...headerOf(name, read), ...(onFailure === "continue" ? { onFailure } : {}) };
}

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
  const input = schemaOption(what, read, "input");
  const output = schemaOption(what, read, "output");
  const timeoutMs = durationOption(what, read, "timeout");
  return {
    name,
    retryBudget: numberOption(what, read, "retryBudget", range) ?? DEFAULT_RETRY_BUDGET,
    ...(concurrency === undefined ? {} : { concurrency }),
    parts: {
      ...(version === undefined ? {} : { version }),
      ...(input === undefined ? {} : { input }),
      ...(output === undefined ? {} : { output }),
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    },
  };
}

/**
 * The workflow that declared steps make.
 * @param returns the step whose result is the run's; undefined: the one declared last
 * @throws MillraceError `E_DEF_EMPTY`, `E_DEF_TOO_LARGE`, `E_DEF_DUPLICATE`, `E_DEF_UNKNOWN_STEP`,
 *   `E_DEF_CYCLE`
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
  checkDistinct(what, steps);
  checkKnown(what, steps, returns);
  const content = {
    kind: "graph",
    retryBudget: header.retryBudget,
    ...(header.concurrency === undefined ? {} : { concurrency: header.concurrency }),
    ...(header.onFailure === undefined ? {} : { onFailure: header.onFailure }),
    steps: Object.freeze(steps),
    returns: returns ?? last.step.name,
  } as const;
  const version = versionOf({ ...content, label: header.parts.version });
  const plan: GraphPlan = Object.freeze({ version, ...content });
  checkAcyclic(what, plan);
  const bodies = new Map(declared.map(({ step, body }) => [step.name, body]));
  return Object.freeze({ kind: "graph", name: header.name, ...header.parts, plan, bodies });
}

/**
 * The workflow that an async function makes.
 * @throws MillraceError `E_DEF_INVALID`
 */
export function compileCode(header: Header, fn: unknown): CodeWorkflow {
  const { name, retryBudget, concurrency, parts } = header;
  const run = checkFunction<CodeWorkflow["run"]>(`workflow ${name}: its function`, fn);
  const version = versionOf({ kind: "code", name, label: parts.version });
  const bound = concurrency === undefined ? {} : { concurrency };
  const plan: CodePlan = Object.freeze({ kind: "code", version, retryBudget, ...bound });
  return Object.freeze({
    kind: "code",
    name,
    ...parts,
    plan,
    run: async (ctx, input) => run(ctx, input),
  } satisfies CodeWorkflow);
}

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

/** Names that differ only by case would be one file, or one table row, in some places. */
function checkDistinct(what: string, steps: readonly PlanStep[]): void {
  const seen = new Map<string, string>();
  for (const { name } of steps) {
    const folded = name.toLowerCase();
    const first = seen.get(folded);
    if (first !== undefined) {
      throw new MillraceError(
        "E_DEF_DUPLICATE",
        first === name
          ? `${what} declares step ${name} twice`
          : `${what} declares steps ${first} and ${name}, which differ only by case`,
        { details: { names: [first, name] } },
      );
    }
    seen.set(folded, name);
  }
}

function checkKnown(what: string, steps: readonly PlanStep[], returns: string | undefined): void {
  const names = new Set(steps.map(({ name }) => name));
  const unknown: { readonly by: string; readonly name: string }[] = [];
  for (const step of steps) {
    for (const need of step.needs) {
      if (!names.has(need)) unknown.push({ by: `step ${step.name} needs`, name: need });
    }
  }
  if (returns !== undefined && !names.has(returns)) {
    unknown.push({ by: "returns names", name: returns });
  }
  if (unknown.length === 0) return;
  const listed = unknown.map(
    ({ by, name }, index) => `${by} ${name}${index < SUGGESTED ? didYouMean(name, names) : ""}`,
  );
  throw new MillraceError(
    "E_DEF_UNKNOWN_STEP",
    `${what} names steps that it does not declare: ${listed.join("; ")}`,
    { details: { unknown: [...new Set(unknown.map(({ name }) => name))] } },
  );
}

function checkAcyclic(what: string, plan: GraphPlan): void {
  const cycle = findCycle(plan);
  if (cycle === undefined) return;
  throw new MillraceError(
    "E_DEF_CYCLE",
    `${what} can never end, its steps need each other in a circle: ${cycle.join(" needs ")}`,
    { details: { cycle } },
  );
}
