/**
 * A process that hosts runs: claims tickets for its free places, keeps their leases, says that it is
 * there, and sweeps. It holds no truth; killing it at any moment costs time only.
 */

import type { Allocator } from "../../cluster/allocator.ts";
import type { Labels } from "../../cluster/labels.ts";
import type { Resources } from "../../cluster/resources.ts";
import { awaitedLater } from "../../kernel/async.ts";
import { pause } from "../../kernel/clock.ts";
import { isMillraceError, MillraceError } from "../../kernel/errors.ts";
import { limits } from "../../kernel/limits.ts";
import type { NodeInfo } from "../../ports/node-registry.ts";
import type { Claim, Ticket } from "../../ports/work-queue.ts";
import type { RunSummaries } from "../../projections/run-summary.ts";
import type { Engine } from "../engine.ts";
import type { Gone } from "../nodes/fleet.ts";
import { LocalNode } from "../nodes/local-node.ts";
import type { Projector } from "../reading/projector.ts";
import type { Gates } from "../records/gates.ts";
import type { Schedules } from "../records/schedules.ts";
import { Aside } from "./aside.ts";
import type { Catalog } from "./catalog.ts";
import type { Surroundings } from "./last-duties.ts";
import { isDamage, unattended } from "./leave.ts";
import { Leaving } from "./leaving.ts";
import { Reception } from "./reception.ts";
import { repeat } from "./repeat.ts";
import { RunActor } from "./run-actor.ts";
import { leaveFaulty } from "./set-aside.ts";
import { sweepAll } from "./sweep-all.ts";
import { type TakeOverOptions, takeOver } from "./take-over.ts";

/** What a host hosts, and how much of it. */
export interface HostOptions {
  readonly engine: Engine;
  readonly catalog: Catalog;
  readonly summaries: Projector<RunSummaries>;
  readonly gates: Gates;
  readonly schedules: Schedules;
  /** All that this node has; `steps`: attempts that may run at once. */
  readonly resources: Resources;
  readonly labels: Labels;
  /** Strategies by name, beside those that are always there. */
  readonly allocators: ReadonlyMap<string, Allocator>;
  /** Runs that may be hosted at once. */
  readonly runs: number;
  readonly leaseMs: number;
  readonly parkAfterMs: number;
  readonly sweepEveryMs: number;
}

/** Every so many sweeps, also look into the inboxes of runs that wait for signals only. */
const INPUT_SWEEP_EVERY = 10;

/** Processes started together come to sweep one after the other: each goes on from what the last one read. */
const SWEPT_ABOUT = 0.5;

export class Host {
  readonly #options: HostOptions;
  readonly #actors = new Map<string, RunActor>();
  /** Claims that are not yet hosted, or given up, each with its run. */
  readonly #arriving = new Map<Promise<void>, string>();
  /** Runs whose log was found to be damaged: nothing is offered for them any more. */
  readonly #setAside = new Set<string>();
  readonly #aside: Aside;
  readonly #stopping = new AbortController();
  readonly #leaving: Leaving;
  readonly #reception: Reception;
  readonly #surroundings: Surroundings;
  readonly #ended = new AbortController();
  readonly #loops: Promise<void>[] = [];
  /** What this process is among others. */
  readonly #node: LocalNode;
  #sweeps = 0;
  #whenRoom: () => void = () => undefined;
  /** Ends the claim that waits, so that the next one is made for what can be hosted now. */
  #claimAnew: () => void = () => undefined;

  constructor(options: HostOptions) {
    this.#options = options;
    options.catalog.onGrowth = () => this.#start();
    this.#aside = new Aside(options.engine.world.clock, () => this.#lookAnew());
    this.#leaving = new Leaving(options.engine);
    this.#surroundings = {
      definitions: (name) => options.catalog.given(name),
      gates: options.gates,
      isHosted: (run) => this.#actors.has(run),
    };
    this.#reception = new Reception({
      ...options,
      surroundings: this.#surroundings,
      stepAside: (workflow, inMs) => this.#aside.step(workflow, inMs),
      startedAt: () => this.#node.startedAt,
    });
    this.#node = new LocalNode({ ...options, onGone: (node, gone) => this.#gone(node, gone) });
  }

  /** Begins as soon as there is a workflow whose runs it can host. */
  start(): void {
    if (this.#options.catalog.names.length > 0) this.#start();
  }

  #start(): void {
    this.#lookAnew();
    if (this.#loops.length > 0 || this.#stopping.signal.aborted) return;
    const { engine, leaseMs, sweepEveryMs } = this.#options;
    const loop = (everyMs: number, work: () => Promise<void>, until = this.#stopping): void => {
      this.#loops.push(repeat(engine, everyMs, until.signal, work));
    };
    // Nobody can notice the death of a process that was never heard of: nothing is claimed before. A
    // failure keeps nobody from claiming: the first heartbeat announces it again.
    const known = this.#node.announce().catch((error: unknown) => {
      if (isMillraceError(error, "E_STORE_CLOSED")) return;
      engine.logger.warn("not announced yet", { error: String(error) });
    });
    loop(0, () => known.then(() => this.#claim()));
    loop(leaseMs / 3, () => this.#extend());
    loop(limits.aliveEveryMs, () => this.#node.watch());
    // Whoever finds that nobody has the code of a run looks once more who is there: one of the two sees the other.
    const sweeping = () => known.then(() => this.#sweep());
    this.#loops.push(repeat(engine, sweepEveryMs, this.#stopping.signal, sweeping, SWEPT_ABOUT));
    loop(limits.heartbeatMs, () => this.#node.beat(), this.#ended);
  }

  /** Runs hosted here. */
  get hosted(): number {
    return this.#actors.size;
  }

  /** This node has other resources now; its slots stay. */
  async equip(resources: Resources): Promise<void> {
    // One that has said goodbye must not be heard of again.
    if (this.#loops.length > 0) await this.#node.equip(resources);
  }

  /**
   * Claims nothing more, begins no further attempt, waits up to `graceMs` for what runs, then aborts
   * it. Unfinished runs are given back at once, for other processes to go on with.
   */
  async stop(graceMs: number): Promise<void> {
    const { clock } = this.#options.engine.world;
    this.#stopping.abort();
    this.#lookAnew();
    if (this.#loops.length === 0) return;
    for (const actor of this.#actors.values()) actor.drain();
    // Looked at when everything is let go, whatever becomes of it.
    const announced = awaitedLater(this.#node.drain());
    await Promise.all(this.#arriving.keys());
    const deadline = clock.mono() + graceMs;
    while (this.#isBusy && clock.mono() < deadline) {
      await pause(clock, 10);
    }
    const reason = new MillraceError(
      "E_FENCED",
      "this process is stopping; the step is tried again elsewhere",
    );
    const claims = [...this.#actors.values()].map((actor) => actor.claim);
    for (const actor of [...this.#actors.values()]) actor.letGo(reason);
    await Promise.all(claims.map((claim) => claim.release()));
    await this.#leaving.done();
    this.#ended.abort();
    await Promise.all([...this.#loops, announced]);
    await this.#options.summaries.save(true);
    await this.#node.close(reason);
  }

  /** Steps run here: of its own runs, or of those of other hosts. */
  get #isBusy(): boolean {
    return this.#node.busy || [...this.#actors.values()].some((actor) => actor.busy);
  }

  /** How many further runs could be hosted. */
  get #places(): number {
    return this.#options.runs - this.#actors.size - this.#arriving.size;
  }

  /** What tickets are to be claimed for has changed. */
  #lookAnew(): void {
    this.#claimAnew();
    this.#whenRoom();
  }

  async #claim(): Promise<void> {
    // It may have been told to stop before its first claim.
    if (this.#stopping.signal.aborted) return;
    const { engine, catalog } = this.#options;
    const max = this.#places;
    const workflows = this.#aside.without(catalog.names);
    if (max <= 0 || workflows.length === 0) return this.#room();
    const claiming = new AbortController();
    this.#claimAnew = () => claiming.abort();
    const { signal } = claiming;
    for (const claim of await engine.store.queue.claim({ workflows, max, signal })) {
      if (this.#stopping.signal.aborted) await claim.release();
      else this.#arrive(claim, this.#host(claim, claim.ticket.hint));
    }
  }

  #arrive(claim: Claim, hosting: Promise<void>): void {
    const arriving = hosting
      .catch((error: unknown) => this.#fault(claim, error))
      .finally(() => {
        this.#arriving.delete(arriving);
        this.#whenRoom();
      });
    this.#arriving.set(arriving, claim.ticket.run);
  }

  #fault(claim: Claim, error: unknown): void {
    const { engine, summaries } = this.#options;
    const { run } = claim.ticket;
    const setback = { error, surroundings: this.#surroundings };
    unattended(engine, { run }, leaveFaulty(engine, claim, setback));
    if (!isDamage(error) || this.#setAside.has(run)) return;
    this.#setAside.add(run);
    unattended(engine, { run }, summaries.refold(run));
  }

  /** What was known of the run is out of date: it is looked at again, if the claim still holds. */
  async #hostAgain(claim: Claim): Promise<void> {
    if (await claim.extend()) await this.#host(claim, undefined);
  }

  /** Resolves when a place has become free, or the host stops. */
  #room(): Promise<void> {
    return new Promise((resolve) => {
      this.#whenRoom = resolve;
    });
  }

  async #host(claim: Claim, hint: Ticket["hint"]): Promise<void> {
    const { engine, parkAfterMs } = this.#options;
    const { run } = claim.ticket;
    const known = this.#actors.get(run);
    // The lease ran out and came back to this very process: the actor holds a claim that is no more.
    known?.letGo(new MillraceError("E_FENCED", `the lease of run ${run} was lost`));
    const guest = await this.#reception.receive(claim, hint, () => !this.#stopping.signal.aborted);
    if (guest === undefined) return;
    const actor: RunActor = new RunActor({
      engine,
      ...guest,
      cluster: this.#node.cluster,
      claim,
      surroundings: this.#surroundings,
      parkAfterMs,
      onLeave: (work) => this.#leaving.add(run, work),
      onOver: () => {
        if (this.#actors.get(run) === actor) this.#actors.delete(run);
        this.#whenRoom();
      },
      onOutdated: () => this.#arrive(claim, this.#hostAgain(claim)),
      onFault: (error) => this.#fault(claim, error),
    });
    this.#actors.set(run, actor);
    if (this.#stopping.signal.aborted) actor.drain();
    actor.begin();
  }

  async #extend(): Promise<void> {
    await Promise.all(
      [...this.#actors.values()].map(async (actor) => {
        if (await actor.claim.extend()) return;
        if (!actor.over) {
          actor.letGo(new MillraceError("E_FENCED", `the lease of run ${actor.run} was lost`));
        }
      }),
    );
  }

  #gone({ id }: NodeInfo, { mineAfterMs }: Gone): void {
    if (mineAfterMs === undefined) return;
    const { engine } = this.#options;
    const waited = pause(engine.world.clock, mineAfterMs, this.#stopping.signal);
    const taking = waited.then(() => takeOver(this.#view(), id));
    unattended(engine, { node: id }, taking);
  }

  async #sweep(): Promise<void> {
    const inputs = this.#sweeps++ % INPUT_SWEEP_EVERY === 0;
    const { startedAt } = this.#node;
    await sweepAll({ ...this.#options, ...this.#view(), inputs, startedAt });
  }

  /** What is to be known before others' runs are touched. */
  #view(): TakeOverOptions {
    const { engine, summaries, catalog } = this.#options;
    return {
      engine,
      summaries,
      isHosted: (run) =>
        this.#actors.has(run) ||
        this.#setAside.has(run) ||
        [...this.#arriving.values()].includes(run),
      isWaitingFor: (workflow) => this.#places > 0 && catalog.names.includes(workflow),
    };
  }
}
