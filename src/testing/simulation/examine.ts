/**
 * One case: the same run lived undisturbed, and then again and again, crashed at every commit, with
 * signals that come twice, late, and through several crashes.
 */
import { seededRandom } from "../../kernel/random.ts";
import { flaws } from "./compare-lives.ts";
import { CALM, type Disturbance, type Life, type LifePlan, live } from "./life.ts";
import type { CrashPoint } from "./simulation.ts";

/** Who looks at the lives of a case; what is found fault with is said in sentences. */
export interface Examiner {
  lived(life: Life): void;
  /** What is wrong with one life, besides what is wrong with any. */
  wrong(life: Life): readonly string[];
  /** What should be the same as in the undisturbed life, and is not. */
  different(undisturbed: Life, disturbed: Life): readonly string[];
}

/** What was found in a case. */
export class CaseFailure extends Error {
  readonly plan: LifePlan;
  readonly disturbance: Disturbance;
  /** Undefined: it could not be lived to its end. */
  readonly life: Life | undefined;
  readonly problems: readonly string[];

  constructor(
    place: { readonly plan: LifePlan; readonly disturbance: Disturbance },
    found: { readonly life?: Life; readonly problems: readonly string[]; readonly cause?: unknown },
  ) {
    super(
      found.problems.join("\n"),
      found.cause === undefined ? undefined : { cause: found.cause },
    );
    this.plan = place.plan;
    this.disturbance = place.disturbance;
    this.life = found.life;
    this.problems = found.problems;
  }
}

/** A signal that is late comes after everything that a run of people's patience waits for. */
const LATE_MS = 36 * 3_600_000;
const SEVERAL = 3;

/**
 * Lives a case in all ways, the undisturbed first.
 * @throws CaseFailure
 */
export async function examine(plan: LifePlan, examiner: Examiner): Promise<void> {
  const calm = await one(plan, CALM, examiner);
  for (const commit of Array.from({ length: calm.commits }, (_, nth) => nth + 1)) {
    for (const side of ["before", "after"] as const) {
      const crashed: Disturbance = { ...CALM, crashes: [{ commit, side }], twice: "after a crash" };
      await alike(calm, crashed);
    }
  }
  if (plan.signals.length > 0) await alike(calm, { ...CALM, twice: "always" });
  // What is late may well come to another end; so may a step that every attempt of is crashed.
  const crashes = severalCrashes(calm.commits, plan.seed);
  await one(plan, { crashes, twice: "always", lateMs: LATE_MS }, examiner);

  async function alike(undisturbed: Life, disturbance: Disturbance): Promise<void> {
    const life = await one(plan, disturbance, examiner);
    const problems = examiner.different(undisturbed, life);
    if (problems.length > 0) throw new CaseFailure({ plan, disturbance }, { life, problems });
  }
}

/** One life, in which everything holds that must hold of any. */
async function one(plan: LifePlan, disturbance: Disturbance, examiner: Examiner): Promise<Life> {
  const life = await live(plan, disturbance).catch((cause: unknown) => {
    const problems = [`it cannot be lived to an end: ${String(cause)}`];
    throw new CaseFailure({ plan, disturbance }, { problems, cause });
  });
  examiner.lived(life);
  const problems = [...flaws(life), ...examiner.wrong(life)];
  if (problems.length > 0) throw new CaseFailure({ plan, disturbance }, { life, problems });
  return life;
}

function severalCrashes(commits: number, seed: number): readonly CrashPoint[] {
  const random = seededRandom(seed);
  const picked = Array.from({ length: SEVERAL }, () => 1 + Math.floor(random.next() * commits * 2));
  return [...new Set(picked)].map((commit) => ({
    commit,
    side: random.next() < 0.5 ? "before" : "after",
  }));
}
