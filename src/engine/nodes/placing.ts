/**
 * Where the steps of one hosted run begin: here, or on a node that is asked for room and grants it. One
 * ask is open per step. Nothing of it is recorded before the step begins, and all of it may be forgotten:
 * what is granted and not used goes back, at the latest by itself.
 */
import type { Placement } from "../../../machines/placement.ts";
import type { ClusterView, StepRequest } from "../../cluster/allocator.ts";
import { isAble } from "../../cluster/candidates.ts";
import { type Choice, choose } from "../../cluster/choose.ts";
import { NOTHING, ONE_SLOT, type Resources } from "../../cluster/resources.ts";
import type { StepPlace } from "../../domain/plan.ts";
import type { RunState } from "../../domain/state.ts";
import type { CancelTimer } from "../../kernel/clock.ts";
import { limits } from "../../kernel/limits.ts";
import type { Engine } from "../engine.ts";
import { placeOf, recentNodes, requestOf } from "../turn/step-request.ts";
import type { Asker, Cluster } from "./cluster.ts";
import type { Answer } from "./node-mail.ts";
import { Shortfalls } from "./shortfalls.ts";

/** Where an attempt begins, and what holds room for it there. */
export interface Beginning {
  readonly step: string;
  readonly node: string;
  /** Taken of this node; nothing for an attempt elsewhere. */
  readonly takes: Resources;
  /** What another node gave for it, and until when that is used (monotonic ms). */
  readonly grant?: string;
  readonly usableUntil?: number;
  readonly placement?: Placement;
}

/** An ask that has not led to an attempt. */
interface Asked {
  readonly grant: string;
  readonly node: string;
  readonly placement: Placement;
  phase: "sent" | "queued" | "granted";
  /** Once it is granted (monotonic ms). */
  usableUntil: number;
  /** Forgets it if no answer comes. */
  readonly cancel: CancelTimer;
}

/** Whom the placing of a run tells. */
export interface PlacingListener {
  /** There may be room now for something that waits. */
  look(): void;
  /** A node is gone, with all that it ran for the run. */
  onLost(node: string): void;
}

/** So many steps of a run may wait in lines of other nodes. */
const QUEUED_MAX = 16;
/** A node that refused is not asked again by this run for so long (ms). */
const REFUSED_MS = 5_000;
/** A grant is used in the first part of the time that it is kept: its node must not free it before the log has it. */
const USABLE_MS = limits.grantMs / 2;
/** Of larger fleets only so many nodes are recorded with a placement. */
const NODES_RECORDED = 32;

export class Placing implements Asker {
  readonly #engine: Engine;
  readonly #cluster: Cluster;
  readonly #listener: PlacingListener;
  readonly #leave: () => void;
  /** By step. */
  readonly #asked = new Map<string, Asked>();
  /** Steps that are asked for or about to begin, with their nodes. */
  readonly #soon = new Map<string, string>();
  /** Nodes that will not have steps of this run, until when (monotonic ms). */
  readonly #refused = new Map<string, number>();
  readonly #short = new Shortfalls();
  #stuck = false;
  #unfit = false;
  #closed = false;
  /** Nodes that steps of the run were placed on, the last first; undefined: not looked up yet. */
  #recent: readonly string[] | undefined;

  constructor(engine: Engine, cluster: Cluster, listener: PlacingListener) {
    this.#engine = engine;
    this.#cluster = cluster;
    this.#listener = listener;
    this.#leave = cluster.join(this);
  }

  /** Begins a new look at everything that could begin. */
  turn(state: RunState): void {
    this.#short.clear();
    this.#stuck = false;
    this.#unfit = false;
    for (const step of [...this.#soon.keys()]) {
      const waits = state.pending.has(step) || state.retrying.has(step);
      if (!waits) this.#withdraw(step);
      else if (!this.#asked.has(step)) this.#soon.delete(step);
    }
  }

  /** No step of this run can begin now, whatever it needs: there is no slot anywhere. */
  get isStuck(): boolean {
    return this.#stuck;
  }

  /** Where the step's next attempt may begin now, which is held for it; undefined: it waits. */
  begin(state: RunState, step: string, place: StepPlace | undefined): Beginning | undefined {
    // Of a run that was let go of nobody would give up its place in the line.
    if (this.#closed) return undefined;
    const granted = this.#granted(step);
    if (granted !== undefined) return granted;
    const plain = place === undefined && state.plan?.strategy === undefined;
    if (plain && this.#cluster.capacity.take(ONE_SLOT, this.#listener.look)) {
      return this.#here(step, ONE_SLOT, undefined);
    }
    const request = requestOf(state, step, place, this.#soon);
    if (this.#short.covers(request)) return undefined;
    const choice = choose(this.#strategyOf(state), request, this.#view(state, request));
    if ("node" in choice && choice.node === this.#engine.node) {
      const placement = this.#placement(request, choice);
      const { capacity } = this.#cluster;
      const took = capacity.take(request.resources, this.#listener.look);
      if (took) return this.#here(step, request.resources, plain ? undefined : placement);
    } else if ("node" in choice) this.#ask(state, step, request, choice);
    if (!("node" in choice) || !choice.now) this.#noteShort(request);
    return undefined;
  }

  /** What was held for an attempt that does not begin after all. */
  giveBack({ step, node, grant, usableUntil = 0, takes, placement }: Beginning): void {
    if (grant === undefined) {
      this.#soon.delete(step);
      this.#cluster.capacity.release(takes);
    } else if (this.#closed || placement === undefined) this.#cluster.withdraw(node, grant);
    else {
      const cancel = () => undefined;
      this.#asked.set(step, { grant, node, placement, phase: "granted", usableUntil, cancel });
    }
  }

  /** Begins nothing more. */
  close(): void {
    this.#closed = true;
    this.#leave();
    this.#cluster.capacity.forget(this.#listener.look);
    for (const step of [...this.#asked.keys()]) this.#withdraw(step);
  }

  /** What no node that is known could ever carry, of a plan of which nothing has begun. */
  misfit(state: RunState): string | undefined {
    if (state.plan?.kind !== "graph") return undefined;
    for (const { name, policy } of state.plan.steps) {
      if (policy.place === undefined) continue;
      const refused = this.never(state, name, policy.place);
      if (refused === undefined) continue;
      this.#unfit = true;
      return refused;
    }
    return undefined;
  }

  /** Why no node that is known could ever carry the step; undefined: one could, or may come. */
  never(state: RunState, step: string, place: StepPlace | undefined): string | undefined {
    const request = requestOf(state, step, place);
    const choice = choose(undefined, request, this.#view(state, request));
    return "never" in choice ? choice.never : undefined;
  }

  /** Every node that lives has had the time to be heard of. */
  get knowsAll(): boolean {
    return this.#cluster.knowsAll;
  }

  answered(node: string, { grant, answer }: Answer): void {
    const found = [...this.#asked].find(([, asked]) => asked.grant === grant);
    if (found === undefined) return;
    const [step, asked] = found;
    asked.cancel();
    const now = this.#engine.world.clock.mono();
    if (answer === "queued" || answer === "granted") asked.phase = answer;
    else this.#forget(step);
    if (answer === "granted") asked.usableUntil = now + USABLE_MS;
    if (answer === "refused") this.#refused.set(node, now + REFUSED_MS);
    this.#listener.look();
  }

  lost(node: string): void {
    for (const [step, asked] of this.#asked) if (asked.node === node) this.#forget(step);
    this.#listener.onLost(node);
  }

  news(isSlotElsewhere: boolean): void {
    // Who waits for nothing needs no news, and who waits for a slot, whatever its node, none of other things.
    const waits = isSlotElsewhere ? !this.#short.none : this.#short.notOnlySlots;
    if (waits || this.#unfit) this.#listener.look();
  }

  #granted(step: string): Beginning | undefined {
    const asked = this.#asked.get(step);
    if (asked?.phase !== "granted") return undefined;
    const { node, grant, placement, usableUntil } = asked;
    if (usableUntil < this.#engine.world.clock.mono()) {
      this.#withdraw(step);
      return undefined;
    }
    this.#asked.delete(step);
    this.#cluster.close(grant);
    this.#recall(node);
    return { step, node, grant, usableUntil, placement, takes: NOTHING };
  }

  #here(step: string, takes: Resources, placement: Placement | undefined): Beginning {
    this.#withdraw(step);
    this.#soon.set(step, this.#engine.node);
    const { node } = this.#engine;
    if (placement !== undefined) this.#recall(node);
    return { step, node, takes, ...(placement === undefined ? {} : { placement }) };
  }

  #ask(
    state: RunState,
    step: string,
    request: StepRequest,
    choice: Extract<Choice, { node: string }>,
  ): void {
    const asked = this.#asked.get(step);
    // Whoever waits in a line stays in it until there is room elsewhere.
    if (asked !== undefined && (asked.phase === "sent" || !choice.now)) return;
    if (asked?.node === choice.node) return;
    this.#withdraw(step);
    const queued = [...this.#asked.values()].filter(({ phase }) => phase === "queued");
    if (!choice.now && queued.length >= QUEUED_MAX) return;
    const { node } = choice;
    const grant = this.#engine.world.ids();
    const placement = this.#placement(request, choice);
    const cancel = this.#engine.world.clock.after(limits.askAnswerMs, () => {
      this.#withdraw(step);
      this.#listener.look();
    });
    this.#asked.set(step, { grant, node, placement, phase: "sent", usableUntil: 0, cancel });
    this.#soon.set(step, node);
    const { id: run, plan } = state;
    const { workflow } = state.run.context;
    const { version, label } = plan ?? { version: "" };
    const of = { run, workflow, version, ...(label === undefined ? {} : { label }), step };
    const needs = request.resources;
    this.#cluster.ask(this, node, { kind: "ask", grant, ...of, needs });
  }

  #withdraw(step: string): void {
    const asked = this.#asked.get(step);
    this.#forget(step);
    if (asked !== undefined) this.#cluster.withdraw(asked.node, asked.grant);
  }

  #forget(step: string): void {
    const asked = this.#asked.get(step);
    asked?.cancel();
    if (asked !== undefined) this.#cluster.close(asked.grant);
    this.#asked.delete(step);
    this.#soon.delete(step);
  }

  #recall(node: string): void {
    if (this.#recent === undefined) return;
    this.#recent = [node, ...this.#recent.filter((other) => other !== node)];
  }

  #strategyOf({ plan }: RunState) {
    return plan?.strategy === undefined ? undefined : this.#cluster.strategy(plan.strategy);
  }

  #view(state: RunState, { collocateWith }: StepRequest): ClusterView {
    const now = this.#engine.world.clock.mono();
    const willing = this.#cluster.others().filter(({ id }) => (this.#refused.get(id) ?? 0) <= now);
    this.#recent ??= recentNodes(state);
    const home =
      collocateWith === undefined ? undefined : placeOf(state, collocateWith, this.#soon);
    return {
      self: this.#engine.node,
      nodes: [this.#cluster.self(), ...willing],
      recent: this.#recent,
      placed: new Map(
        collocateWith === undefined || home === undefined ? [] : [[collocateWith, home]],
      ),
    };
  }

  #placement(
    request: StepRequest,
    { strategy, reason }: { readonly strategy: string; readonly reason: string },
  ): Placement {
    const all = [this.#cluster.self(), ...this.#cluster.others()];
    const nodes = all.filter((node) => isAble(node, request)).slice(0, NODES_RECORDED);
    return { strategy, reason, request, nodes, recent: [...(this.#recent ?? [])] };
  }

  #noteShort(request: StepRequest): void {
    this.#short.add(request);
    this.#stuck ||= !this.#cluster.hasSlot();
  }
}
