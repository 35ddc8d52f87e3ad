/** Reading how a child run is asked for, in either style. */
import type { OnParentClose } from "../../machines/child-data.ts";
import { checkId } from "../kernel/ids.ts";
import type { StepBody, Workflow } from "./definition.ts";
import { checkFunction, durationOption, invalid, type Read, reading } from "./options.ts";

/** The names of `ChildRunOptions`. */
export const CHILD_RUN_OPTIONS = ["onParentClose", "timeout", "undo"] as const;

/** Those options as they are kept. */
export interface ChildPolicy {
  readonly onParentClose: OnParentClose;
  readonly timeoutMs?: number;
  readonly undo?: NonNullable<StepBody["undo"]>;
}

const POLICIES: readonly unknown[] = ["cancel", "abandon", "wait"];

/** @throws MillraceError `E_DEF_INVALID`, `E_OPTION_INVALID` */
export function readChildPolicy(what: string, read: Read): ChildPolicy {
  const onParentClose = read.get("onParentClose") ?? "cancel";
  if (!POLICIES.includes(onParentClose)) {
    throw invalid(`${what}: onParentClose must be "cancel", "abandon" or "wait"`, {
      option: "onParentClose",
    });
  }
  const timeoutMs = durationOption(what, read, "timeout");
  const undo = read.get("undo");
  const undoing =
    undo === undefined
      ? undefined
      : checkFunction<NonNullable<StepBody["undo"]>>(`${what}: undo`, undo);
  return {
    onParentClose: onParentClose as OnParentClose,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(undoing === undefined ? {} : { undo: (ctx, result) => undoing(ctx, result) }),
  };
}

/**
 * The workflow of a child: a definition, or the name of one that another process may have.
 * @throws MillraceError `E_ID_INVALID`, `E_DEF_INVALID`
 */
export function readChildWorkflow(what: string, raw: unknown): Workflow | string {
  if (typeof raw === "string") return checkId(`${what}: workflow name`, raw);
  const isBuilt = reading(
    what,
    () => (raw as Partial<Workflow> | null | undefined)?.plan !== undefined,
  );
  if (isBuilt) return raw as Workflow;
  throw invalid(
    `${what}: its workflow is neither a definition nor the name of one; did you forget \`.build()\`?`,
  );
}

/** The name of a child's workflow. */
export const nameOf = (workflow: Workflow | string): string =>
  typeof workflow === "string" ? workflow : workflow.name;
