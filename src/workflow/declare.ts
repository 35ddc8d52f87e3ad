/** One step of a graph, as declared: everything that can be wrong with it alone is refused here. */
import type { PlanStep } from "../domain/plan.ts";
import { MillraceError } from "../kernel/errors.ts";
import { checkId } from "../kernel/ids.ts";
import { limits } from "../kernel/limits.ts";
import type { AnyBody, StepBody } from "./definition.ts";
import {
  checkFunction,
  invalid,
  numberOption,
  type Read,
  reading,
  readOptions,
  schemaOption,
} from "./options.ts";
import { POLICY_OPTIONS, readPolicy } from "./policy.ts";

/** The plan's part and the code's part of one step, both frozen. */
export interface Declared {
  readonly step: PlanStep;
  readonly body: AnyBody;
}

const STEP_OPTIONS = ["needs", "when", "undo", ...POLICY_OPTIONS, "output"] as const;
const MAP_OPTIONS = ["over", "concurrency", "undo", ...POLICY_OPTIONS, "output"] as const;

/** @throws MillraceError `E_ID_INVALID`, `E_DEF_INVALID`, `E_DEF_DUPLICATE`, `E_OPTION_INVALID` */
export function declareStep(rawName: unknown, rawOptions: unknown, fn: unknown): Declared {
  const name = checkId("step name", rawName);
  const what = `step ${name}`;
  const read = readOptions(what, rawOptions, STEP_OPTIONS);
  const when = read.get("when");
  const step: PlanStep = {
    name,
    needs: readNeeds(what, read.get("needs")),
    ...(read.has("undo") ? { undo: true } : {}),
    ...(when === undefined ? {} : { conditional: true }),
    policy: readPolicy(what, read),
  };
  const body = stepBody(what, read, fn);
  const choose = when === undefined ? {} : { when: chooser(what, when) };
  return { step: Object.freeze(step), body: Object.freeze({ ...body, ...choose }) };
}

/** @throws MillraceError `E_ID_INVALID`, `E_DEF_INVALID`, `E_OPTION_INVALID` */
export function declareMap(rawName: unknown, rawOptions: unknown, fn: unknown): Declared {
  const name = checkId("step name", rawName);
  const what = `step ${name}`;
  const read = readOptions(what, rawOptions, MAP_OPTIONS);
  if (!read.has("over")) {
    throw invalid(`${what}: a map needs \`over\`, the step whose list it runs over`, {
      option: "over",
    });
  }
  const over = checkId(`${what}: over`, read.get("over"));
  const range = { min: 1, max: limits.mapItemsMax, integer: true } as const;
  const concurrency = numberOption(what, read, "concurrency", range);
  const step: PlanStep = {
    name,
    needs: Object.freeze([over]),
    over,
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(read.has("undo") ? { undo: true } : {}),
    policy: readPolicy(what, read),
  };
  return { step: Object.freeze(step), body: Object.freeze(stepBody(what, read, fn)) };
}

/**
 * The body that a user's function makes, with the result schema among its options.
 * @throws MillraceError `E_DEF_INVALID`
 */
export function stepBody(what: string, read: Read, fn: unknown): StepBody {
  const run = checkFunction<StepBody["run"]>(`${what}: its handler`, fn);
  const output = schemaOption(what, read, "output");
  const undo = read.get("undo");
  const undoing =
    undo === undefined ? undefined : checkFunction<StepBody["run"]>(`${what}: undo`, undo);
  return {
    run: (ctx, input) => run(ctx, input),
    ...(undoing === undefined ? {} : { undo: (ctx, result) => undoing(ctx, result) }),
    ...(output === undefined ? {} : { output }),
  };
}

/** @throws MillraceError `E_ID_INVALID`, `E_DEF_INVALID`, `E_DEF_DUPLICATE` */
export function readNeeds(what: string, raw: unknown): readonly string[] {
  if (raw === undefined) return Object.freeze([]);
  const list = reading(what, () => (Array.isArray(raw) ? Array.from<unknown>(raw) : undefined));
  if (list === undefined) throw invalid(`${what}: needs is not a list of step names`);
  const needs = new Set<string>();
  for (const item of list) {
    const need = checkId(`${what}: need`, item);
    if (needs.has(need)) {
      throw new MillraceError("E_DEF_DUPLICATE", `${what}: needs names ${need} twice`, {
        details: { names: [need] },
      });
    }
    needs.add(need);
  }
  return Object.freeze([...needs]);
}

/** @throws MillraceError `E_DEF_INVALID`, when it is made and when it chooses neither */
export function chooser(what: string, raw: unknown): (input: unknown) => boolean {
  const when = checkFunction<(input: unknown) => unknown>(`${what}: when`, raw);
  return (input) => {
    const chosen = when(input);
    if (typeof chosen === "boolean") return chosen;
    // A promise would count as true, whatever it resolves to.
    throw invalid(`${what}: when returned ${typeof chosen}; it must return true or false itself`);
  };
}
