/**
 * Rolling deploys at random: processes with one version, the other, or both are opened, closed and killed, while
 * runs of both are begun, told to go on, and moved from one to the other. Every run ends, with code of the version
 * that it is on, and as soon as somebody has it.
 */
import fc from "fast-check";
import { expect, it } from "vitest";
import { MemoryBackend, memoryStore } from "../../src/adapters/memory/store.ts";
import { openFrame } from "../../src/events/frame.ts";
import { recordedEvents } from "../../src/events/recorded.ts";
import { type Millrace, open, workflow } from "../../src/index.ts";
import { systemIds } from "../../src/kernel/ids.ts";
import { silentLogger } from "../../src/kernel/logger.ts";
import { systemRandom } from "../../src/kernel/random.ts";
import type { Store } from "../../src/ports/store.ts";
import { checkLog } from "../../src/testing/checks/check-log.ts";
import { Process } from "../../src/testing/simulation/process.ts";
import { VirtualTime } from "../../src/testing/simulation/virtual-time.ts";

const VERSIONS = ["1", "2"] as const;
type Version = (typeof VERSIONS)[number];

const order = (label: Version) =>
  workflow("order", { version: label }, async (ctx) => {
    const before = await ctx.run("before", () => label);
    await ctx.waitFor("go");
    await ctx.sleep("rest", "2s");
    return `${before}${await ctx.run("after", () => label)}`;
  });

type Act =
  | { readonly act: "open"; readonly has: readonly Version[] }
  | { readonly act: "close" | "kill"; readonly nth: number }
  | { readonly act: "start"; readonly version: Version }
  | { readonly act: "signal"; readonly nth: number }
  | { readonly act: "migrate"; readonly nth: number; readonly to: Version }
  | { readonly act: "pass"; readonly ms: number };

const acts: fc.Arbitrary<readonly Act[]> = fc.array(
  fc.oneof(
    fc.record({
      act: fc.constant("open" as const),
      has: fc.subarray([...VERSIONS], { minLength: 1 }),
    }),
    fc.record({ act: fc.constantFrom("close" as const, "kill" as const), nth: fc.nat(3) }),
    fc.record({ act: fc.constant("start" as const), version: fc.constantFrom(...VERSIONS) }),
    fc.record({ act: fc.constant("signal" as const), nth: fc.nat(9) }),
    fc.record({
      act: fc.constant("migrate" as const),
      nth: fc.nat(5),
      to: fc.constantFrom(...VERSIONS),
    }),
    fc.record({
      act: fc.constant("pass" as const),
      ms: fc.constantFrom(0, 60, 700, 5_000, 40_000),
    }),
  ),
  { minLength: 5, maxLength: 25 },
);

interface Host {
  readonly process: Process;
  readonly millrace: Millrace;
  readonly store: Store;
}

class Fleet {
  readonly time = new VirtualTime();
  readonly #backend = new MemoryBackend(this.time);
  readonly hosts: Host[] = [];
  readonly runs: { readonly id: string; readonly version: Version }[] = [];
  /** On which version each run ended. */
  readonly last = new Map<string, string>();
  readonly moved = new Set<string>();
  #nodes = 0;
  client!: Millrace;

  async begin(): Promise<void> {
    this.client = (await this.#open([], false)).millrace;
  }

  async #open(has: readonly Version[], worker: boolean): Promise<Host> {
    const process = new Process();
    const node = `node-${++this.#nodes}`;
    const [clock, upkeep] = [process.clock(this.time), process.clock(this.time.upkeep)];
    const world = { clock, upkeep, random: systemRandom, ids: systemIds };
    const place = { namespace: "default", node, world, leaseMs: 15_000, share: this.#backend };
    const store = memoryStore(place);
    const workflows = has.map((version) => order(version));
    const more = worker ? {} : { worker: false as const };
    const options = { node, world, workflows, logger: silentLogger, parkAfter: 100, ...more };
    return { process, store, millrace: await open({ ...options, store: process.wrap(store) }) };
  }

  async do(act: Act): Promise<void> {
    const { time, hosts, runs, client } = this;
    if (act.act === "pass") return time.pass(act.ms);
    if (act.act === "open") return void hosts.push(await this.#open(act.has, true));
    if (act.act === "start") {
      const id = `r${runs.length}`;
      runs.push({ id, version: act.version });
      return void (await time.until(client.start(order(act.version), undefined, { id })));
    }
    if (act.act === "signal") {
      const run = runs[act.nth];
      return (
        run && time.until(client.signal(run.id, "go", null, { id: "go" }).catch(() => undefined))
      );
    }
    if (act.act === "migrate") {
      const run = runs[act.nth];
      return run && time.until(this.#migrate(run.id, act.to));
    }
    const [host] = hosts.splice(act.nth, 1);
    if (host === undefined) return;
    if (act.act === "close") return time.until(host.millrace.close());
    host.process.kill();
    await host.store.close();
  }

  /** Refused when it has ended, or a step runs. */
  async #migrate(run: string, to: Version): Promise<void> {
    const refused = await this.client.migrate(run, { to: order(to) }).catch((error) => error);
    if (refused === undefined) this.moved.add(run);
    else expect(refused).toMatchObject({ code: "E_COMMAND_REFUSED" });
  }

  async end(): Promise<readonly unknown[]> {
    const { time, hosts, runs, client } = this;
    for (const has of VERSIONS) await this.do({ act: "open", has: [has] });
    for (const nth of runs.keys()) await this.do({ act: "signal", nth });
    const results = runs.map(({ id }) => client.result(id));
    const ended = await time.until(Promise.all(results), 10_000);
    const events = [];
    for await (const stored of client.store.log.read({})) {
      events.push(...recordedEvents(stored, openFrame(stored.run, stored.bytes).frame));
    }
    expect(checkLog(events)).toEqual([]);
    for (const { run, version } of await client.list()) this.last.set(run, version?.label ?? "");
    for (const { millrace } of hosts) await time.until(millrace.close());
    await time.until(client.close());
    return ended;
  }
}

it("in a rolling deploy at random every run ends on its version", async () => {
  await fc.assert(
    fc.asyncProperty(acts, async (script) => {
      const fleet = new Fleet();
      await fleet.begin();
      for (const act of script) await fleet.do(act);
      const ended = await fleet.end();
      for (const [nth, { id, version }] of fleet.runs.entries()) {
        if (!fleet.moved.has(id)) expect(ended[nth]).toBe(version.repeat(2));
        else expect(ended[nth]).toMatch(new RegExp(`.${fleet.last.get(id)}$`));
      }
    }),
    { numRuns: 60 },
  );
});
