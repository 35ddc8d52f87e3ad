// Limits under random faults: processes that die, vanish, freeze and come back, appends that conflict and
// fail, runs that are cancelled and erased. No limit is exceeded at any event, and no place is lost.
import fc from "fast-check";
import { expect, it } from "vitest";
import { type Millrace, type RecordedEvent, workflow } from "../../src/index.ts";
import { pause } from "../../src/kernel/clock.ts";
import { checkLog } from "../../src/testing/checks/check-log.ts";
import { blowsWithin, chances, Hosts } from "./kit/hosts.ts";
import { only } from "./kit/scene.ts";

const PLANS = Number(process.env["MILLRACE_PROPERTY_RUNS"] ?? 40);
const LEASE_MS = 3_000;
const RUNS = 14;

const BLOWS = ["die", "vanish", "freeze", "close", "cancel", "erase"] as const;

const plans = fc.record({
  ...chances,
  limit: fc.integer({ min: 1, max: 3 }),
  rated: fc.boolean(),
  blows: blowsWithin(20_000, BLOWS, { host: fc.nat(5) }),
});

type Plan = typeof plans extends fc.Arbitrary<infer P> ? P : never;

/** The processes that come and go, and what is told to their runs. */
class World {
  readonly #plan: Plan;
  readonly #hosts: Hosts;

  constructor(plan: Plan) {
    this.#plan = plan;
    this.#hosts = new Hosts({ ...plan, leaseMs: LEASE_MS, sweepEvery: "5s" });
  }

  get #jobs() {
    const { limit, rated } = this.#plan;
    const key = ({ customer }: { customer: string }): string => customer;
    const rate = rated ? { rateLimit: { limit: 4, per: "3s" } } : {};
    const flow = { concurrency: [{ limit: limit + 1 }, { limit, key }], ...rate };
    return workflow("jobs", { flow }, (ctx, _job: { customer: string }) =>
      // Every process that goes away costs an attempt.
      ctx.run("work", () => pause(this.#hosts.time, 700), {
        retry: { maxAttempts: 100, initial: 1 },
      }),
    );
  }

  /** Every run that was not erased, as it ended; and the whole log. */
  async live(): Promise<{ ends: readonly string[]; events: readonly RecordedEvent[] }> {
    const { time } = this.#hosts;
    const client = await this.#hosts.client();
    for (const _ of [1, 2]) await this.#hosts.add(this.#jobs);
    const ids = Array.from({ length: RUNS }, (_, no) => `run-${no}`);
    for (const [no, id] of ids.entries()) {
      await time.until(client.start(this.#jobs, { customer: "ab"[no % 2] ?? "" }, { id }));
    }
    const erased = new Set<string>();
    let now = 0;
    for (const blow of this.#plan.blows) {
      await time.pass(blow.at - now);
      now = blow.at;
      await this.#strike(blow, client, erased);
    }
    this.#hosts.calm();
    await this.#hosts.add(this.#jobs);
    const left = ids.filter((id) => !erased.has(id));
    const results = left.map((id) => client.result(id).then(() => "completed", String));
    const ends = await time.until(Promise.all(results));
    await time.pass(15_000);
    const events = await this.#hosts.events();
    await this.#hosts.close(client);
    return { ends, events };
  }

  async #strike(
    { host, what }: Plan["blows"][number],
    client: Millrace,
    erased: Set<string>,
  ): Promise<void> {
    const run = `run-${(host * 5) % RUNS}`;
    const { time, all } = this.#hosts;
    // One that has ended refuses to be told anything.
    if (what === "cancel") return void (await time.until(client.cancel(run).catch(String)));
    if (what === "erase") {
      erased.add(run);
      await time.until(client.store.log.erase(run));
      return;
    }
    const struck = all[host % all.length];
    if (struck === undefined) return;
    if (what === "freeze") this.#hosts.freeze(struck);
    else await this.#hosts.lose(struck, what);
    await this.#hosts.add(this.#jobs);
  }
}

it("keeps every limit and loses no place, whatever happens to its processes", {
  timeout: 240_000,
}, async () => {
  const property = fc.asyncProperty(plans, async (plan) => {
    const { ends, events } = await new World(plan).live();
    for (const end of ends) expect(end).toMatch(/^completed$|E_RUN_CANCELLED|was cancelled/);
    expect(checkLog(events)).toEqual([]);
    const there = new Set<string>();
    for (const { holder } of only(events, "gate.asked")) there.add(holder);
    for (const { holder } of only(events, "gate.released")) there.delete(holder);
    expect([...there]).toEqual([]);
  });
  await fc.assert(property, { numRuns: PLANS });
});
