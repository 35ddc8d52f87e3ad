/**
 * Random workflows under random faults: hosts that are killed, frozen, closed and replaced, appends that
 * conflict, are slow, are sent twice or fail. The result is that of the undisturbed run, no attempt is
 * executed twice, and the log keeps every invariant.
 */
import fc from "fast-check";
import { expect, it } from "vitest";
import { MemoryBackend, memoryStore } from "../../src/adapters/memory/store.ts";
import { Journal } from "../../src/engine/reading/journal.ts";
import { openFrame, plainCodec } from "../../src/events/frame.ts";
import { recordedEvents } from "../../src/events/recorded.ts";
import { type Millrace, open, type RecordedEvent } from "../../src/index.ts";
import { seededIds } from "../../src/kernel/ids.ts";
import { silentLogger } from "../../src/kernel/logger.ts";
import { type Random, seededRandom } from "../../src/kernel/random.ts";
import type { Store } from "../../src/ports/store.ts";
import { checkLog } from "../../src/testing/checks/check-log.ts";
import { Process } from "../../src/testing/simulation/process.ts";
import { VirtualTime } from "../../src/testing/simulation/virtual-time.ts";
import { faultyAppends } from "./kit/chaos.ts";
import { type Blow, blowsWithin } from "./kit/hosts.ts";
import { answerAll, build, codeSpecs, graphSpecs, type Spec } from "./kit/random-workflow.ts";

/** A few seconds of it here; a night of it elsewhere. */
const RUNS = Number(process.env["MILLRACE_PROPERTY_RUNS"] ?? 80);
const LEASE_MS = 3_000;

const BLOWS = [
  "die",
  "vanish",
  "freeze",
  "close",
  "another",
  "cancel",
  "pause",
  "resume",
  "note",
] as const;

/** What is done to a host at a time (ms from the start): the n-th, modulo how many there are. */
type BlowAt = Blow<(typeof BLOWS)[number]> & { readonly host: number };

interface Plan {
  readonly seed: number;
  readonly blows: readonly BlowAt[];
  /** Shares of appends, in percent. */
  readonly conflicts: number;
  readonly slow: number;
  readonly resent: number;
  readonly failed: number;
}

const percent = (max: number): fc.Arbitrary<number> =>
  fc.oneof(fc.constant(0), fc.integer({ min: 0, max }));

const plans: fc.Arbitrary<Plan> = fc.record({
  seed: fc.nat(),
  blows: blowsWithin(15_000, BLOWS, { host: fc.nat(9) }),
  conflicts: percent(30),
  slow: percent(40),
  resent: percent(30),
  failed: percent(10),
});

const CALM: Plan = { seed: 1, blows: [], conflicts: 0, slow: 0, resent: 0, failed: 0 };

interface Host {
  readonly process: Process;
  readonly millrace: Millrace;
  readonly store: Store;
}

/** One backend, its processes, and what happened outside. */
class World {
  readonly time = new VirtualTime();
  readonly executions: string[] = [];
  readonly #share = new MemoryBackend(this.time);
  readonly #random: Random;
  readonly #plan: Plan;
  readonly #spec: Spec;
  readonly #hosts: Host[] = [];
  #calm = false;
  #nodes = 0;

  constructor(spec: Spec, plan: Plan) {
    this.#spec = spec;
    this.#plan = plan;
    this.#random = seededRandom(plan.seed);
  }

  /** How the run ends: its result, or what it failed with; and all events. */
  async run(): Promise<{ outcome: unknown; events: RecordedEvent[] }> {
    const { time } = this;
    const client = await this.#open({ worker: false });
    await this.#addHost();
    const run = await client.start("random", "input", { id: "run" });
    await answerAll(run, this.#spec);
    let now = 0;
    for (const blow of this.#plan.blows) {
      await time.pass(blow.at - now);
      now = blow.at;
      if (blow.what === "note") await this.#note();
      else if (blow.what === "cancel" || blow.what === "pause" || blow.what === "resume") {
        // One that has ended refuses to be told anything.
        await run[blow.what]().catch(String);
      } else await this.#strike(blow);
    }
    this.#calm = true;
    for (const host of this.#hosts) host.process.thaw();
    await this.#addHost();
    await run.resume().catch(String);
    const outcome = await time.until(run.result().catch(failure));
    // Whoever was only frozen has time to do wrong.
    await time.pass(4 * LEASE_MS);
    const events = await this.#events();
    await time.until(
      Promise.all(
        [client, ...this.#hosts.map(({ millrace }) => millrace)].map((one) => one.close()),
      ),
    );
    return { outcome, events };
  }

  /** Somebody who does not host the run writes to it, while time goes by. */
  async #note(): Promise<void> {
    const codecs = { codec: plainCodec, codecs: [plainCodec] };
    const world = { clock: this.time, random: this.#random, ids: seededIds(this.#random) };
    const store = memoryStore({ namespace: "default", node: "noting", world, share: this.#share });
    const journal = new Journal({ store, world, node: "noting", logger: silentLogger, ...codecs });
    for (let nth = 0; nth < 10; nth++) {
      const noting = journal.amend("run", (draft) => {
        const checkpoint = draft.state.checkpoints + 1;
        const saved = { checkpoint, node: "noting", state: { json: nth }, metadata: {} };
        draft.add([{ type: "checkpoint.saved", at: draft.now, ...saved }]);
      });
      await this.time.until(noting);
    }
    await store.close();
  }

  async #strike({ host, what }: BlowAt): Promise<void> {
    const struck = this.#hosts[host % Math.max(1, this.#hosts.length)];
    if (what === "another" || struck === undefined) return this.#addHost();
    if (what === "freeze") {
      struck.process.freeze();
      this.time.after(this.#random.next() * 4 * LEASE_MS, () => struck.process.thaw());
      return this.#addHost();
    }
    this.#hosts.splice(this.#hosts.indexOf(struck), 1);
    if (what === "close") await this.time.until(struck.millrace.close());
    else {
      struck.process.kill();
      // A process that is known to be gone gives back what it held; of one that vanished leases run out.
      if (what === "die") await struck.store.close();
    }
    await this.#addHost();
  }

  async #addHost(): Promise<void> {
    const process = new Process();
    let store: Store | undefined;
    const millrace = await this.#open({}, (real) => {
      store = real;
      return process.wrap(real);
    });
    if (store !== undefined) this.#hosts.push({ process, millrace, store });
  }

  #open(options: object, wrap = (store: Store) => store): Promise<Millrace> {
    const { time } = this;
    const random = this.#random;
    const world = { clock: time, random, ids: seededIds(random) };
    const node = `node-${this.#nodes++}`;
    const real = memoryStore({
      namespace: "default",
      node,
      leaseMs: LEASE_MS,
      world,
      share: this.#share,
    });
    const { conflicts, slow, resent, failed } = this.#plan;
    const share = {
      conflicts: conflicts / 100,
      slow: slow / 100,
      resent: resent / 100,
      failed: failed / 100,
    };
    const worker = !("worker" in options);
    const log = faultyAppends(
      real.log,
      { random, clock: time, ...share },
      () => worker && !this.#calm,
    );
    const outside = {
      clock: time,
      executed: (ctx: { step: string; attempt: number }) => {
        this.executions.push(`${ctx.step} ${ctx.attempt}`);
      },
    };
    return open({
      store: wrap({ ...real, log }),
      node,
      world,
      workflows: [build(this.#spec, outside)],
      logger: silentLogger,
      lease: LEASE_MS,
      sweepEvery: "5s",
      stopGrace: this.#random.next() * 1_000,
      ...options,
    });
  }

  async #events(): Promise<RecordedEvent[]> {
    const world = { clock: this.time, random: this.#random, ids: seededIds(this.#random) };
    const { log, close } = memoryStore({
      namespace: "default",
      node: "reader",
      world,
      share: this.#share,
    });
    const events: RecordedEvent[] = [];
    for await (const stored of log.read({})) {
      events.push(...recordedEvents(stored, openFrame(stored.run, stored.bytes).frame));
    }
    await close();
    return events;
  }
}

/** Which item of a broken map fails first is a matter of time. */
const failure = (error: unknown): string => String(error).replace(/\[\d+\]/, "");

async function survives(spec: Spec, plan: Plan): Promise<void> {
  const expected = await new World(spec, CALM).run();
  const disturbed = new World(spec, plan);
  const { outcome, events } = await disturbed.run();
  const cancelled = events.some(({ type }) => type === "run.cancelling");
  expect(outcome).toEqual(cancelled ? "MillraceError: run run was cancelled" : expected.outcome);
  expect(checkLog(events, { started: ["run"] })).toEqual([]);
  expect(new Set(disturbed.executions).size).toBe(disturbed.executions.length);
}

it("graphs", { timeout: RUNS * 1_000 }, async () => {
  await fc.assert(fc.asyncProperty(graphSpecs, plans, survives), { numRuns: RUNS });
});

it("functions", { timeout: RUNS * 1_000 }, async () => {
  await fc.assert(fc.asyncProperty(codeSpecs, plans, survives), { numRuns: RUNS });
});
