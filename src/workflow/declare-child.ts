/** Steps of a graph that are child runs, as declared: everything that can be wrong with one alone is refused here. */
import type { PlanStep } from "../domain/plan.ts";
import { checkId } from "../kernel/ids.ts";
import { limits } from "../kernel/limits.ts";
import { CHILD_RUN_OPTIONS, nameOf, readChildPolicy, readChildWorkflow } from "./child-options.ts";
import { chooser, type Declared, readNeeds } from "./declare.ts";
import type { ChildBody } from "./definition.ts";
import { checkFunction, invalid, numberOption, type Read, readOptions } from "./options.ts";
import { DEFAULT_RETRY } from "./policy.ts";

const OPTIONS = ["workflow", "input", "needs", "when", "over", "concurrency", ...CHILD_RUN_OPTIONS];

/** A child run has retries of its own; one that failed is not tried again by itself. */
const ONCE = Object.freeze({ retry: Object.freeze({ ...DEFAULT_RETRY, maxAttempts: 1 }) });

/** @throws MillraceError `E_ID_INVALID`, `E_DEF_INVALID`, `E_DEF_DUPLICATE`, `E_OPTION_INVALID` */
export function declareChild(rawName: unknown, rawOptions: unknown): Declared {
  const name = checkId("step name", rawName);
  const what = `step ${name}`;
  const read = readOptions(what, rawOptions, OPTIONS);
  const workflow = readChildWorkflow(what, read.get("workflow"));
  const { undo, ...policy } = readChildPolicy(what, read);
  const when = read.get("when");
  const input = read.get("input");
  const step: PlanStep = {
    name,
    ...placeOf(what, read),
    ...(undo === undefined ? {} : { undo: true }),
    ...(when === undefined ? {} : { conditional: true }),
    policy: ONCE,
    child: Object.freeze({ workflow: nameOf(workflow), ...policy }),
  };
  const body: ChildBody = {
    workflow,
    ...(input === undefined ? {} : { input: checkFunction(`${what}: input`, input) }),
    ...(undo === undefined ? {} : { undo }),
    ...(when === undefined ? {} : { when: chooser(what, when) }),
  };
  return { step: Object.freeze(step), body: Object.freeze(body) };
}

/** What it needs; and over which list there is a child for each item, if there is one. */
function placeOf(what: string, read: Read): Pick<PlanStep, "needs" | "over" | "concurrency"> {
  const range = { min: 1, max: limits.mapItemsMax, integer: true } as const;
  const concurrency = numberOption(what, read, "concurrency", range);
  if (!read.has("over")) {
    if (concurrency === undefined) return { needs: readNeeds(what, read.get("needs")) };
    throw invalid(`${what}: concurrency is for children \`over\` a list`, {
      option: "concurrency",
    });
  }
  if (read.has("needs")) {
    throw invalid(`${what}: children \`over\` a list need only that; leave \`needs\` out`, {
      option: "needs",
    });
  }
  const over = checkId(`${what}: over`, read.get("over"));
  const bound = concurrency === undefined ? {} : { concurrency };
  return { needs: Object.freeze([over]), over, ...bound };
}
