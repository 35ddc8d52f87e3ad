/** The calls of a code workflow's `ctx` that ask for child runs. */
import { MillraceError } from "../kernel/errors.ts";
import { checkId } from "../kernel/ids.ts";
import { type Json, toJson } from "../kernel/json.ts";
import { limits } from "../kernel/limits.ts";
import type { Answer, Call } from "./calls.ts";
import { CHILD_RUN_OPTIONS, nameOf, readChildPolicy, readChildWorkflow } from "./child-options.ts";
import { invalid, numberOption, readOptions } from "./options.ts";
import { childFailedError } from "./step-failure.ts";

/** What these calls need of the session. */
export interface ChildCallHost {
  assertOpen(): void;
  request(call: Call): Promise<Answer>;
  /** The id of the next step of that name. */
  stepId(name: string): string;
  /** The id of the run that does the step, unless another is asked for. */
  runId(step: string): string;
}

const CHILD_OPTIONS = ["id", ...CHILD_RUN_OPTIONS] as const;
const CHILDREN_OPTIONS = ["concurrency", ...CHILD_RUN_OPTIONS] as const;

/** A child run that was asked for: its id, and its result. */
interface Started {
  readonly id: string;
  result(): Promise<unknown>;
}

/** @throws MillraceError `E_ID_INVALID`, `E_DEF_INVALID`, `E_OPTION_INVALID`, `E_NOT_JSON`, `E_CTX_CLOSED` */
export function startChild(
  host: ChildCallHost,
  rawName: unknown,
  rawWorkflow: unknown,
  input: unknown,
  options: unknown,
): Started {
  host.assertOpen();
  const name = checkId("step name", rawName);
  const what = `child ${name}`;
  const workflow = readChildWorkflow(what, rawWorkflow);
  const read = readOptions(what, options, CHILD_OPTIONS);
  const given = read.get("id");
  const policy = readChildPolicy(what, read);
  const inputs = [toJson(`input of ${nameOf(workflow)}`, input)];
  const step = host.stepId(name);
  const id = given === undefined ? host.runId(step) : checkId(`${what}: run id`, given);
  const ended = host.request({ kind: "child", id: step, run: id, workflow, inputs, ...policy });
  return Object.freeze({ id, result: () => ended.then(resultOfChild) });
}

/** @throws MillraceError `E_ID_INVALID`, `E_DEF_INVALID`, `E_OPTION_INVALID`, `E_NOT_JSON`, `E_CTX_CLOSED` */
export function startChildren(
  host: ChildCallHost,
  rawName: unknown,
  rawWorkflow: unknown,
  rawInputs: unknown,
  options: unknown,
): Promise<unknown> {
  host.assertOpen();
  const name = checkId("step name", rawName);
  const what = `children ${name}`;
  const workflow = readChildWorkflow(what, rawWorkflow);
  const read = readOptions(what, options, CHILDREN_OPTIONS);
  const range = { min: 1, max: limits.mapItemsMax, integer: true } as const;
  const concurrency = numberOption(what, read, "concurrency", range);
  const policy = readChildPolicy(what, read);
  const inputs = listOf(what, `inputs of ${nameOf(workflow)}`, rawInputs);
  const step = host.stepId(name);
  return host
    .request({
      kind: "children",
      id: step,
      workflow,
      inputs,
      ...policy,
      ...(concurrency === undefined ? {} : { concurrency }),
    })
    .then(resultOfChildren);
}

function listOf(what: string, inputs: string, raw: unknown): readonly Json[] {
  const list = toJson(inputs, raw);
  if (!Array.isArray(list)) throw invalid(`${what}: its inputs are not a list`);
  if (list.length <= limits.mapItemsMax) return list as readonly Json[];
  throw new MillraceError(
    "E_TOO_LARGE",
    `${what}: ${list.length} children, the limit is ${limits.mapItemsMax}; let children have children`,
  );
}

function resultOfChild(answer: Answer): unknown {
  if (answer.kind !== "child") throw new Error(`a child was answered by a ${answer.kind}`);
  const { id, run, outcome } = answer;
  if (outcome.ok) return outcome.value;
  throw childFailedError(id, run, outcome.failure, outcome.cancelled === true);
}

function resultOfChildren(answer: Answer): unknown {
  if (answer.kind !== "children") throw new Error(`children were answered by a ${answer.kind}`);
  const { id, outcome } = answer;
  if (outcome.ok) return outcome.value;
  throw childFailedError(id, undefined, outcome.failure, outcome.cancelled === true);
}
