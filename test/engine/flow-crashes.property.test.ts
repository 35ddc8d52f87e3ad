// Limits under random faults: processes that die, vanish, freeze and come back, appends that conflict and
// fail, runs that are cancelled and erased. No limit is exceeded at any event, and no place is lost.
import fc from "fast-check";
import { expect, it } from "vitest";
import { MemoryBackend, memoryStore } from "../../src/adapters/memory/store.ts";
import { openFrame } from "../../src/events/frame.ts";
import { recordedEvents } from "../../src/events/recorded.ts";
import { type Millrace, open, type RecordedEvent, workflow } from "../../src/index.ts";
import { pause } from "../../src/kernel/clock.ts";
import { seededIds } from "../../src/kernel/ids.ts";
import { silentLogger } from "../../src/kernel/logger.ts";
import { seededRandom } from "../../src/kernel/random.ts";
import type { Store } from "../../src/ports/store.ts";
import { checkLog } from "../../src/testing/check-log.ts";
import { Process } from "../../src/testing/process.ts";
import { VirtualTime } from "../../src/testing/virtual-time.ts";
import { faultyAppends } from "./kit/chaos.ts";
import { only } from "./kit/scene.ts";

const PLANS = Number(process.env["MILLRACE_PROPERTY_RUNS"] ?? 40);
const LEASE_MS = 3_000;
const RUNS = 14;

interface Blow {
  readonly at: number;
  readonly host: number;
  readonly what: "die" | "vanish" | "freeze" | "close" | "cancel" | "erase";
}

const plans = fc.record({
  seed: fc.nat(),
  limit: fc.integer({ min: 1, max: 3 }),
  rated: fc.boolean(),
  conflicts: fc.integer({ min: 0, max: 30 }),
  failed: fc.integer({ min: 0, max: 10 }),
  blows: fc.array(
    fc.record({
      at: fc.integer({ min: 0, max: 20_000 }),
      host: fc.nat(5),
      what: fc.constantFrom("die", "vanish", "freeze", "close", "cancel", "erase" as const),
    }) as fc.Arbitrary<Blow>,
    { maxLength: 6 },
  ),
});

type Plan = typeof plans extends fc.Arbitrary<infer P> ? P : never;

/** One backend, and the processes that come and go on it. */
class World {
  readonly time = new VirtualTime();
  readonly #share = new MemoryBackend(this.time);
  readonly #plan: Plan;
  readonly #random;
  readonly #hosts: { process: Process; millrace: Millrace; store: Store }[] = [];
  #calm = false;
  #nodes = 0;

  constructor(plan: Plan) {
    this.#plan = plan;
    this.#random = seededRandom(plan.seed);
  }

  get #jobs() {
    const { limit, rated } = this.#plan;
    const key = ({ customer }: { customer: string }): string => customer;
    const rate = rated ? { rateLimit: { limit: 4, per: "3s" } } : {};
    const flow = { concurrency: [{ limit: limit + 1 }, { limit, key }], ...rate };
    return workflow("jobs", { flow }, (ctx, _job: { customer: string }) =>
      // Every process that goes away costs an attempt.
      ctx.run("work", () => pause(this.time, 700), { retry: { maxAttempts: 100, initial: 1 } }),
    );
  }

  /** Every run that was not erased, as it ended; and the whole log. */
  async live(): Promise<{ ends: readonly string[]; events: readonly RecordedEvent[] }> {
    const { time } = this;
    const client = await this.#open(false);
    await this.#addHost();
    await this.#addHost();
    const ids = Array.from({ length: RUNS }, (_, no) => `run-${no}`);
    for (const [no, id] of ids.entries()) {
      await time.until(client.start(this.#jobs, { customer: "ab"[no % 2] ?? "" }, { id }));
    }
    const erased = new Set<string>();
    let now = 0;
    for (const blow of [...this.#plan.blows].sort((one, other) => one.at - other.at)) {
      await time.pass(blow.at - now);
      now = blow.at;
      await this.#strike(blow, client, erased);
    }
    this.#calm = true;
    for (const { process } of this.#hosts) process.thaw();
    await this.#addHost();
    const left = ids.filter((id) => !erased.has(id));
    const results = left.map((id) => client.result(id).then(() => "completed", String));
    const ends = await time.until(Promise.all(results));
    await time.pass(15_000);
    const events = await this.#events();
    const all = [client, ...this.#hosts.map(({ millrace }) => millrace)];
    await time.until(Promise.all(all.map((one) => one.close())));
    return { ends, events };
  }

  async #strike({ host, what }: Blow, client: Millrace, erased: Set<string>): Promise<void> {
    const run = `run-${(host * 5) % RUNS}`;
    // One that has ended refuses to be told anything.
    if (what === "cancel") return void (await this.time.until(client.cancel(run).catch(String)));
    if (what === "erase") {
      erased.add(run);
      await this.time.until(client.store.log.erase(run));
      return;
    }
    const struck = this.#hosts[host % this.#hosts.length];
    if (struck === undefined) return;
    if (what === "freeze") {
      struck.process.freeze();
      this.time.after(this.#random.next() * 4 * LEASE_MS, () => struck.process.thaw());
    } else {
      this.#hosts.splice(this.#hosts.indexOf(struck), 1);
      if (what === "close") await this.time.until(struck.millrace.close());
      else struck.process.kill();
      // One that is known to be gone gives back what it held; of one that vanished leases run out.
      if (what === "die") await struck.store.close();
    }
    await this.#addHost();
  }

  async #addHost(): Promise<void> {
    const process = new Process();
    let store: Store | undefined;
    const millrace = await this.#open(true, (real) => {
      store = real;
      return process.wrap(real);
    });
    if (store !== undefined) this.#hosts.push({ process, millrace, store });
  }

  #open(worker: boolean, wrap = (store: Store) => store): Promise<Millrace> {
    const { time } = this;
    const random = this.#random;
    const world = { clock: time, random, ids: seededIds(random) };
    const node = `node-${this.#nodes++}`;
    const share = this.#share;
    const real = memoryStore({ namespace: "default", node, leaseMs: LEASE_MS, world, share });
    const { conflicts, failed } = this.#plan;
    const shares = { conflicts: conflicts / 100, slow: 0.1, resent: 0, failed: failed / 100 };
    const faults = { random, clock: time, ...shares };
    const log = faultyAppends(real.log, faults, () => worker && !this.#calm);
    return open({
      store: wrap({ ...real, log }),
      ...{ node, world, logger: silentLogger, lease: LEASE_MS, sweepEvery: "5s" },
      ...(worker ? { workflows: [this.#jobs] } : { worker: false }),
      stopGrace: 500,
    });
  }

  async #events(): Promise<RecordedEvent[]> {
    const world = { clock: this.time, random: this.#random, ids: seededIds(this.#random) };
    const reader = { namespace: "default", node: "reader", world, share: this.#share };
    const { log, close } = memoryStore(reader);
    const events: RecordedEvent[] = [];
    for await (const stored of log.read({})) {
      events.push(...recordedEvents(stored, openFrame(stored.run, stored.bytes).frame));
    }
    await close();
    return events;
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
