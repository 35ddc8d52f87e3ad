/**
 * What the runs of this process share when they look for places for their steps: the nodes there are, as
 * well as this process knows them, the strategies, and the mail between nodes.
 */
import type { Allocator, NodeView } from "../../cluster/allocator.ts";
import type { Labels } from "../../cluster/labels.ts";
import { amountOf, fits, NOTHING, type Resources, subtract } from "../../cluster/resources.ts";
import { firstAvailable } from "../../cluster/strategies/first-available.ts";
import { loadBalanced } from "../../cluster/strategies/load-balanced.ts";
import { localityAware } from "../../cluster/strategies/locality-aware.ts";
import type { Engine } from "../engine.ts";
import type { Catalog } from "../hosting/catalog.ts";
import type { Capacity } from "./capacity.ts";
import type { Fleet } from "./fleet.ts";
import type { Answer, Ask, NodeMail } from "./node-mail.ts";
import type { PostOffice } from "./post-office.ts";
import type { Unrecorded } from "./unrecorded.ts";

/** Strategies that need not be given to `open()`. */
export const STRATEGIES: readonly Allocator[] = [firstAvailable, loadBalanced, localityAware];

/** What a cluster is made of. */
export interface ClusterOptions {
  readonly engine: Engine;
  readonly capacity: Capacity;
  readonly unrecorded: Unrecorded;
  readonly catalog: Catalog;
  readonly labels: Labels;
  readonly allocators: ReadonlyMap<string, Allocator>;
  readonly fleet: Fleet;
  readonly office: PostOffice;
}

/** A run that asks other nodes for room. */
export interface Asker {
  /** A node has answered. */
  answered(node: string, answer: Answer): void;
  /** A node is gone, with all that it granted and ran. */
  lost(node: string): void;
  /**
   * There is a node that was not there, or has something free that it had not.
   * @param isSlotElsewhere another node has a free slot
   */
  news(isSlotElsewhere: boolean): void;
}

/** An ask that has not been answered, or whose answer is not used. */
interface Open {
  readonly asker: Asker;
  readonly node: string;
  readonly needs: Resources;
  answered: boolean;
}

/** See above. One per process. */
export class Cluster {
  readonly #options: ClusterOptions;
  readonly #askers = new Set<Asker>();
  readonly #open = new Map<string, Open>();
  /** What nodes have free, where they said so since they announced themselves. */
  readonly #free = new Map<string, Resources>();

  constructor(options: ClusterOptions) {
    this.#options = options;
  }

  get capacity(): Capacity {
    return this.#options.capacity;
  }

  /** What of it is held for attempts that the log may still take for running. */
  get unrecorded(): Unrecorded {
    return this.#options.unrecorded;
  }

  /** Every living node has had the time to be heard of. */
  get knowsAll(): boolean {
    return this.#options.fleet.knowsAll;
  }

  /** The strategy of that name; undefined: this process has none. */
  strategy(name: string): Allocator | undefined {
    return (
      this.#options.allocators.get(name) ?? STRATEGIES.find((strategy) => strategy.name === name)
    );
  }

  /** This node. */
  self(): NodeView {
    const { engine, capacity, catalog, labels } = this.#options;
    return {
      id: engine.node,
      resources: capacity.total,
      free: capacity.free,
      labels,
      draining: false,
      workflows: catalog.names,
      versions: catalog.versions,
    };
  }

  /** The other nodes that are heard; what was asked of them and not answered is not free. */
  others(): readonly NodeView[] {
    return this.#options.fleet.peers
      .filter(({ state }) => state === "alive" || state === "draining")
      .map(({ info }) => ({
        id: info.id,
        resources: info.resources,
        free: this.#freeOf(info.id, info.free),
        labels: info.labels,
        draining: info.draining,
        workflows: info.workflows,
        ...(info.versions === undefined ? {} : { versions: info.versions }),
      }));
  }

  /** There is a free slot somewhere. */
  hasSlot(): boolean {
    return [this.self(), ...this.others()].some(hasFreeSlot);
  }

  /** The run wants to hear of nodes. Returns how to end that. */
  join(asker: Asker): () => void {
    this.#askers.add(asker);
    return () => this.#askers.delete(asker);
  }

  ask(asker: Asker, node: string, ask: Ask): void {
    this.#open.set(ask.grant, { asker, node, needs: ask.needs, answered: false });
    this.#options.office.tell(node, ask);
  }

  /** What was asked for is not needed any more. */
  withdraw(node: string, grant: string): void {
    this.close(grant);
    this.tell(node, { kind: "stop", grant, error: NOT_NEEDED });
  }

  /** The ask has led to an attempt, or to nothing. */
  close(grant: string): void {
    this.#open.delete(grant);
  }

  tell(node: string, mail: NodeMail): void {
    this.#options.office.tell(node, mail);
  }

  /** A node has answered an ask. */
  answered(node: string, answer: Answer): void {
    const open = this.#open.get(answer.grant);
    if (open !== undefined) {
      open.answered = true;
      open.asker.answered(node, answer);
    } else if (answer.answer === "granted") {
      // Whoever asked is not there any more.
      this.withdraw(node, answer.grant);
    }
  }

  /** A node has so much free; it said so by the way. */
  heard(node: string, free: Resources): void {
    this.#free.set(node, free);
  }

  /** A node has come, or announced itself again. */
  announced(node: string): void {
    this.#free.delete(node);
    this.news();
  }

  /** Whoever waits for a place looks again. */
  news(): void {
    const isSlotElsewhere = this.others().some(hasFreeSlot);
    for (const asker of [...this.#askers]) asker.news(isSlotElsewhere);
  }

  /** A node is gone. */
  gone(node: string): void {
    this.#free.delete(node);
    for (const [grant, open] of this.#open) if (open.node === node) this.#open.delete(grant);
    for (const asker of [...this.#askers]) asker.lost(node);
  }

  /**
   * Those of the nodes that are there: heard, or at least not known to be gone. That they go is noticed
   * from here on.
   */
  async thereOf(nodes: ReadonlySet<string>): Promise<ReadonlySet<string>> {
    const all = [...nodes];
    const there = await Promise.all(all.map((node) => this.#isThere(node)));
    return new Set(all.filter((_, nth) => there[nth]));
  }

  async #isThere(node: string): Promise<boolean> {
    const { engine, fleet } = this.#options;
    if (node === engine.node || fleet.info(node) !== undefined) return true;
    if (!(await engine.store.nodes.alive(node))) return false;
    fleet.expect(node);
    return true;
  }

  #freeOf(node: string, announced: Resources): Resources {
    let free = this.#free.get(node) ?? announced;
    for (const open of this.#open.values()) {
      if (open.node !== node || open.answered) continue;
      free = fits(open.needs, free) ? subtract(free, open.needs) : NOTHING;
    }
    return free;
  }
}

const hasFreeSlot = ({ free, draining }: NodeView): boolean =>
  !draining && amountOf(free, "steps") > 0;

const NOT_NEEDED = { code: "E_CTX_CLOSED", message: "it is not needed any more" } as const;
