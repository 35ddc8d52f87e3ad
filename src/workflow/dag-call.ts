/**
 * Calling a function of a DAG: its arguments in order, from recorded results and from inline functions,
 * which are evaluated here, once for whoever takes them.
 */
import type { DagFunction } from "./dag-function.ts";
import type { StepContext } from "./step-context.ts";

/** The functions of a DAG by their ids. */
export type Functions = ReadonlyMap<string, DagFunction>;

/** Results of the regular functions that it needs, by id. */
export type ResultsById = Readonly<Record<string, unknown>>;

/** The regular functions that must have run before one is called: also those of its inline arguments. */
export function needsOf(functions: Functions, { args }: Pick<DagFunction, "args">): string[] {
  const needs = new Set<string>();
  const seen = new Set<string>();
  const left = args.map((arg) => arg.id);
  for (let id = left.pop(); id !== undefined; id = left.pop()) {
    if (seen.has(id)) continue;
    seen.add(id);
    const known = functions.get(id);
    if (known?.inline) left.push(...known.args.map((arg) => arg.id));
    else needs.add(id);
  }
  return [...needs];
}

/** What the function returns, or a promise of it. */
export async function callFunction(
  functions: Functions,
  fn: DagFunction,
  ctx: StepContext,
  results: ResultsById,
): Promise<unknown> {
  const values = new Map<string, unknown>();
  for (const { id } of fn.args) {
    if (values.has(id)) continue;
    const known = functions.get(id);
    const value = known?.inline ? await callFunction(functions, known, ctx, results) : results[id];
    values.set(id, value);
  }
  const taken = fn.args.map(({ id }) => values.get(id));
  const given = fn.asList ? [taken, ...fn.extraArgs] : [...taken, ...fn.extraArgs];
  return Reflect.apply(fn.code, ctx, given);
}
