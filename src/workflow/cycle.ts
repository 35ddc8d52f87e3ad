/**
 * Finding a circle among steps that need each other. Iterative: a chain of any length must not
 * overflow the stack.
 */
import { graphOf, type Needing } from "../domain/plan.ts";

/**
 * The steps of one circle, each needing the next, the first repeated at the end; undefined when
 * there is none. All needs must be names of declared steps.
 * Algorithm: Kahn's topological sort (A. B. Kahn, 1962); in what it leaves, every step needs
 * another that is left, so following those needs must come round.
 */
export function findCycle(declared: readonly Needing[]): readonly string[] | undefined {
  const left = unsorted(declared);
  const [first] = left.keys();
  if (first === undefined) return undefined;
  const path: string[] = [];
  const place = new Map<string, number>();
  let name = first;
  while (!place.has(name)) {
    place.set(name, path.length);
    path.push(name);
    name = left.get(name)?.needs.find((need) => left.has(need)) ?? name;
  }
  return [...path.slice(place.get(name)), name];
}

/** What is left after steps are taken away, again and again, whose needs are all gone. */
function unsorted(declared: readonly Needing[]): Map<string, Needing> {
  const { steps, dependents } = graphOf(declared);
  const left = new Map(steps);
  const unmet = new Map(declared.map((step) => [step.name, step.needs.length]));
  const free = declared.filter((step) => step.needs.length === 0).map((step) => step.name);
  for (let name = free.pop(); name !== undefined; name = free.pop()) {
    left.delete(name);
    for (const dependent of dependents.get(name) ?? []) {
      const missing = (unmet.get(dependent) ?? 0) - 1;
      unmet.set(dependent, missing);
      if (missing === 0) free.push(dependent);
    }
  }
  return left;
}
