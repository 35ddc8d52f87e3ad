/**
 * This process as a node among others: what it has, whom it hears, what it is asked for. The runs that it
 * hosts are another matter; they find room for their steps through `cluster`.
 */
import type { Allocator } from "../../cluster/allocator.ts";
import type { Labels } from "../../cluster/labels.ts";
import type { Resources } from "../../cluster/resources.ts";
import type { CancelTimer } from "../../kernel/clock.ts";
import { MillraceError } from "../../kernel/errors.ts";
import type { NodeInfo } from "../../ports/node-registry.ts";
import type { Engine } from "../engine.ts";
import type { Catalog } from "../hosting/catalog.ts";
import { unattended } from "../hosting/leave.ts";
import { Capacity } from "./capacity.ts";
import { Cluster } from "./cluster.ts";
import { Fleet, type Gone } from "./fleet.ts";
import { Guests } from "./guests.ts";
import type { Letter, NodeMail } from "./node-mail.ts";
import { PostOffice } from "./post-office.ts";
import { Unrecorded } from "./unrecorded.ts";

/** What a node is made of. */
export interface NodeOptions {
  readonly engine: Engine;
  readonly catalog: Catalog;
  /** All that it has; `steps`: attempts that may run at once. */
  readonly resources: Resources;
  readonly labels: Labels;
  /** Strategies by name, beside those that are always there. */
  readonly allocators: ReadonlyMap<string, Allocator>;
  readonly leaseMs: number;
  /** Another node is gone. */
  onGone(node: NodeInfo, gone: Gone): void;
}

/** What is free is announced soon after it changed, if anybody is there to hear it. */
const ANNOUNCE_SOON_MS = 250;

/** One per process that hosts runs. */
export class LocalNode {
  readonly capacity: Capacity;
  readonly cluster: Cluster;
  readonly #options: NodeOptions;
  readonly #fleet: Fleet;
  readonly #office: PostOffice;
  readonly #guests: Guests;
  readonly startedAt: number;
  #draining = false;
  #announcing: CancelTimer | undefined;

  constructor(options: NodeOptions) {
    const { engine, catalog, labels, allocators, leaseMs } = options;
    this.#options = options;
    this.startedAt = engine.world.clock.now();
    this.capacity = new Capacity(options.resources);
    this.capacity.onChange = () => this.#announceSoon();
    const unrecorded = new Unrecorded(engine, this.capacity);
    this.#office = new PostOffice({
      engine,
      free: () => this.capacity.free,
      onLetter: (letter) => this.#read(letter),
    });
    this.#guests = new Guests({
      engine,
      capacity: this.capacity,
      unrecorded,
      catalog,
      office: this.#office,
      isDraining: () => this.#draining,
    });
    this.#fleet = new Fleet({
      engine,
      leaseMs,
      self: () => this.#self(),
      onGone: (node, gone) => this.#gone(node, gone),
      onNews: (node) => this.cluster.announced(node),
      onOverslept: () => this.#guests.abort(OVERSLEPT),
    });
    const { capacity } = this;
    const parts = { engine, capacity, unrecorded, catalog, labels, allocators };
    this.cluster = new Cluster({ ...parts, fleet: this.#fleet, office: this.#office });
  }

  /** Says what this process is, for others to see; from the first time on they can write to it. */
  async announce(): Promise<void> {
    await this.#office.open();
    await this.#fleet.announce();
  }

  /** One heartbeat. */
  async beat(): Promise<void> {
    await this.#office.open();
    await this.#fleet.beat();
  }

  /** One look whether those that this process watches are there. */
  watch(): Promise<void> {
    return this.#fleet.watch();
  }

  /** Steps of other hosts run here. */
  get busy(): boolean {
    return this.#guests.running > 0;
  }

  /** It has other resources now, and says so; its slots stay. */
  async equip(resources: Resources): Promise<void> {
    const { steps = 0 } = this.capacity.total;
    this.capacity.resize({ steps, ...resources });
    await this.announce();
  }

  /** Takes nothing new, and says so; what runs may end. */
  async drain(): Promise<void> {
    this.#draining = true;
    this.#guests.drain();
    await this.announce();
  }

  /** Stops what still runs for others, and says goodbye. */
  async close(reason: MillraceError): Promise<void> {
    this.#guests.dismiss();
    this.#guests.abort(reason);
    this.#announcing?.();
    await this.#office.flushed();
    this.#office.close();
    this.#fleet.deafen();
    await this.#options.engine.store.nodes.withdraw(this.#options.engine.node);
  }

  #self(): NodeInfo {
    const { engine, labels, catalog } = this.#options;
    return {
      id: engine.node,
      startedAt: this.startedAt,
      saidAt: engine.world.clock.now(),
      workflows: catalog.names,
      versions: catalog.versions,
      resources: this.capacity.total,
      free: this.capacity.free,
      labels,
      draining: this.#draining,
    };
  }

  #announceSoon(): void {
    const { engine } = this.#options;
    if (this.#announcing !== undefined || this.#fleet.peers.length === 0) return;
    const { clock, upkeep = clock } = engine.world;
    this.#announcing = upkeep.after(ANNOUNCE_SOON_MS, () => {
      this.#announcing = undefined;
      unattended(engine, { node: engine.node }, this.#fleet.announce());
    });
  }

  #gone(node: NodeInfo, gone: Gone): void {
    const { engine, onGone } = this.#options;
    this.#guests.hostGone(node.id);
    this.cluster.gone(node.id);

    // Of whoever found it out, one is enough.
    if (gone.mineAfterMs === 0) unattended(engine, { node: node.id }, this.#office.clear(node.id));
    onGone(node, gone);
  }

  #read({ from, free, mails }: Letter): void {
    if (free !== undefined) {
      // Whoever came and goes before it was heard of would leave behind what it was granted.
      this.#fleet.expect(from);
      this.cluster.heard(from, free);
    }
    for (const mail of mails) this.#take(from, mail);
    this.cluster.news();
  }

  #take(from: string, mail: NodeMail): void {
    if (mail.kind === "ask") this.#guests.asked(from, mail);
    else if (mail.kind === "go") this.#guests.go(from, mail);
    else if (mail.kind === "stop") this.#guests.stop(mail);
    else if (mail.kind === "ended") this.#guests.ended(mail);
    else if (mail.kind === "recorded") this.#guests.recorded(mail);
    else if (mail.kind === "answer") this.cluster.answered(from, mail);
    else if (mail.kind === "equip") {
      unattended(this.#options.engine, { node: from }, this.equip(mail.resources));
    }
  }
}

const OVERSLEPT = new MillraceError(
  "E_FENCED",
  "this process was frozen or cut off for longer than its lease; the step is tried again elsewhere",
);
