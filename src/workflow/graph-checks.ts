/** What must hold of steps, or functions, that need each other: distinct names, known needs, no circle. */
import { collocationGroups } from "../cluster/collocation.ts";
import { collocated, type Needing, type PlanStep } from "../domain/plan.ts";
import { MillraceError } from "../kernel/errors.ts";
import { findCycle } from "./cycle.ts";
import { invalid } from "./options.ts";
import { didYouMean } from "./suggest.ts";

/** What is checked, in messages. */
export type Kind = "step" | "function";

/** Looking for a similar name costs a pass over all names. */
const SUGGESTED = 8;

/**
 * Names that differ only by case would be one file, or one table row, in some places.
 * @throws MillraceError `E_DEF_DUPLICATE`
 */
export function checkDistinct(what: string, kind: Kind, all: readonly Needing[]): void {
  const seen = new Map<string, string>();
  for (const { name } of all) {
    const folded = name.toLowerCase();
    const first = seen.get(folded);
    if (first !== undefined) {
      throw new MillraceError(
        "E_DEF_DUPLICATE",
        first === name
          ? `${what} declares ${kind} ${name} twice`
          : `${what} declares ${kind}s ${first} and ${name}, which differ only by case`,
        { details: { names: [first, name] } },
      );
    }
    seen.set(folded, name);
  }
}

/** @throws MillraceError `E_DEF_UNKNOWN_STEP` naming all that are not declared */
export function checkKnown(
  what: string,
  kind: Kind,
  all: readonly Needing[],
  returns?: string,
): void {
  const names = new Set(all.map(({ name }) => name));
  const unknown: { readonly by: string; readonly name: string }[] = [];
  for (const one of all) {
    for (const need of one.needs) {
      if (!names.has(need)) unknown.push({ by: `${kind} ${one.name} needs`, name: need });
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
    `${what} names ${kind}s that it does not declare: ${listed.join("; ")}`,
    { details: { unknown: [...new Set(unknown.map(({ name }) => name))] } },
  );
}

/**
 * Steps that run where others run.
 * @throws MillraceError `E_DEF_UNKNOWN_STEP`, `E_DEF_CYCLE`, `E_DEF_INVALID`
 */
export function checkCollocation(what: string, steps: readonly PlanStep[]): void {
  collocationGroups(what, steps.map(collocated));
  const mapped = new Set(steps.flatMap(({ name, over }) => (over === undefined ? [] : name)));
  for (const { name, policy } of steps) {
    const other = policy.place?.collocateWith;
    if (other === undefined || !mapped.has(other)) continue;
    throw invalid(
      `${what}: step ${name} cannot run where ${other} runs: that fans out, so it may run on many nodes`,
      { step: name },
    );
  }
}

/** @throws MillraceError `E_DEF_CYCLE` with the whole circle */
export function checkAcyclic(what: string, kind: Kind, all: readonly Needing[]): void {
  const cycle = findCycle(all);
  if (cycle === undefined) return;
  throw new MillraceError(
    "E_DEF_CYCLE",
    `${what} can never end, its ${kind}s need each other in a circle: ${cycle.join(" needs ")}`,
    { details: { cycle } },
  );
}
