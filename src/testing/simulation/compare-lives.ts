/** How a disturbed life differs from the undisturbed one, in sentences that say what to do. */
import { isDeepStrictEqual } from "node:util";
import type { Effect, EffectSource } from "./effects.ts";
import type { Life, Outcome } from "./life.ts";

/** What must hold of any life, whatever was done to it. */
export function flaws(life: Life): readonly string[] {
  const found = life.violations.map(
    ({ invariant, run, seq, what }) => `${invariant} of the log, event ${seq} of ${run}: ${what}`,
  );
  found.push(...life.complaints);
  const begun = new Set<string>();
  for (const { run, step, attempt } of life.executions) {
    const one = `attempt ${attempt} of step ${step} of ${run}`;
    if (begun.has(one)) found.push(`${one} was made twice`);
    begun.add(one);
  }
  for (const { name, by } of life.effects) {
    if (by === null || by.step !== null) continue;
    found.push(
      `effect ${name} was applied by the workflow's function itself, which is run again after every crash and every long wait; do it in a step`,
    );
  }
  return [...new Set(found)];
}

/** What is different, though nothing should be: a crash and a signal sent twice are nobody's business. */
export function differences(calm: Life, disturbed: Life): readonly string[] {
  return [...ofOutcomes(calm.outcome, disturbed.outcome), ...ofEffects(calm, disturbed)];
}

function ofOutcomes(calm: Outcome, disturbed: Outcome): readonly string[] {
  if (isDeepStrictEqual(calm, disturbed)) return [];
  return [`it ${said(disturbed)}; undisturbed, it ${said(calm)}`];
}

function said(outcome: Outcome): string {
  switch (outcome.status) {
    case "completed":
      return `completed with ${JSON.stringify(outcome.output)}`;
    case "failed":
      return `failed with ${outcome.code}: ${outcome.message}`;
    case "cancelled":
      return "was cancelled";
    case "waiting":
      return `waits: ${outcome.waits.join(", ")}`;
  }
}

/** Effects that are the same but for their key. */
const sameness = ({ name, detail }: Effect): string =>
  detail === null ? name : `${name} ${JSON.stringify(detail)}`;

function ofEffects(calm: Life, disturbed: Life): readonly string[] {
  const expected = Map.groupBy(calm.effects, sameness);
  const found = Map.groupBy(disturbed.effects, sameness);
  const told: string[] = [];
  for (const what of new Set([...expected.keys(), ...found.keys()])) {
    const [before, after] = [expected.get(what) ?? [], found.get(what) ?? []];
    if (before.length === after.length) continue;
    const times = `effect ${what} was applied ${count(after.length)}, undisturbed ${count(before.length)}`;
    const by =
      after.length === 0 ? "" : `: by ${after.map(({ by }) => source(by)).join(", then by ")}`;
    told.push(`${times}${by}${after.length > before.length ? advice(after) : ""}`);
  }
  return told;
}

const count = (times: number): string =>
  times === 0 ? "never" : times === 1 ? "once" : `${times} times`;

const source = (by: EffectSource | null): string =>
  by === null
    ? "code outside of any run"
    : by.step === null
      ? `the workflow's function on ${by.node}`
      : `attempt ${by.attempt} of step ${by.step} on ${by.node}`;

function advice(effects: readonly Effect[]): string {
  const keys = new Set(effects.map(({ key }) => key));
  return keys.has(null)
    ? ". It came without an idempotency key: hand it ctx.idempotencyKey, which is the same for every attempt"
    : `. It came with ${keys.size} keys: one and the same must be used by every attempt`;
}
