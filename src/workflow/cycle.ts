/**
 * The order of steps that need each other, and the circle that keeps them from having one. Iterative: a
 * chain of any length must not overflow the stack.
 */
import { graphOf, type Needing } from "../domain/plan.ts";

/**
 * The steps of one circle, each needing the next, the first repeated at the end; undefined when
 * there is none. All needs must be names of declared steps.
 */
export function findCycle(declared: readonly Needing[]): readonly string[] | undefined {
  const sorted = new Set(topologicalOrder(declared));
  const left = new Map(
    declared.filter(({ name }) => !sorted.has(name)).map((step) => [step.name, step]),
  );
  const [first] = left.keys();
  if (first === undefined) return undefined;
  const path: string[] = [];
  const place = new Map<string, number>();
  let name = first;
  // Each that is left needs another that is left, so following those needs must come round.
  while (!place.has(name)) {
    place.set(name, path.length);
    path.push(name);
    name = left.get(name)?.needs.find((need) => left.has(need)) ?? name;
  }
  return [...path.slice(place.get(name)), name];
}

/**
 * Names of steps, each after all that it needs; without those that are in a circle, or need one.
 * Algorithm: Kahn's topological sort (A. B. Kahn, 1962).
 */
export function topologicalOrder(declared: readonly Needing[]): readonly string[] {
  const { dependents } = graphOf(declared);
  const unmet = new Map(declared.map((step) => [step.name, step.needs.length]));
  const order = declared.filter((step) => step.needs.length === 0).map((step) => step.name);
  for (const name of order) {
    for (const dependent of dependents.get(name) ?? []) {
      const missing = (unmet.get(dependent) ?? 0) - 1;
      unmet.set(dependent, missing);
      if (missing === 0) order.push(dependent);
    }
  }
  return order;
}
