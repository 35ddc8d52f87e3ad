/**
 * This process among its peers: says what it is, hears what they say, and notices when one is gone.
 *
 * Deaths are noticed along a ring: every process asks the next two living ones whether they are there,
 * several times a second. So each is watched by two others, whatever their number, and whoever lives
 * before a dead one finds it, and then the one after that. What is found is told to all by the registry.
 */
import { type CancelTimer, pause } from "../../kernel/clock.ts";
import { limits } from "../../kernel/limits.ts";
import type { NodeInfo } from "../../ports/node-registry.ts";
import type { Engine } from "../engine.ts";
import { Peer } from "./peer.ts";

/** Why a node counts as gone. */
export interface Gone {
  /** Its process is no more, or it said goodbye; false: it is only silent. */
  readonly certain: boolean;
  /** Only for what this process found out itself: after so long it should look after the runs left behind (ms). */
  readonly mineAfterMs?: number;
}

/** What a fleet needs to know, and whom it tells. */
export interface FleetOptions {
  readonly engine: Engine;
  /** A node that is silent for longer is gone (ms). */
  readonly leaseMs: number;
  /** What this process says about itself now. */
  self(): NodeInfo;
  /** A node is gone. */
  onGone(node: NodeInfo, gone: Gone): void;
  /** A node has come, or announced itself again; this one: all others have been heard. */
  onNews(node: string): void;
  /** This process said nothing for so long that the others take it for gone. */
  onOverslept(): void;
}

/** How many of the next nodes of the ring are watched. */
const WATCHED = 2;
/** The second watcher acts only when the first, so long after a death, has not. */
const SECOND_AFTER_MS = 1_000;

/** The other nodes as this process knows them. Its owner calls `beat` and `watch` again and again. */
export class Fleet {
  readonly #options: FleetOptions;
  readonly #peers = new Map<string, Peer>();
  #heardAt: number;
  /** `some` from the first list of nodes on; all that live have been heard a while later. */
  #known: "none" | "some" | "all" = "none";
  #cancel: CancelTimer = () => undefined;
  /** One watch, however many announce at once. */
  #listening: Promise<void> | undefined;
  #unwatch: () => void = () => undefined;
  #deaf = false;

  constructor(options: FleetOptions) {
    this.#options = options;
    this.#heardAt = options.engine.world.clock.mono();
  }

  /** The other nodes, those that are only suspected included. */
  get peers(): readonly Peer[] {
    return [...this.#peers.values()];
  }

  /** What a node said last; undefined when it is gone, or was never heard of. */
  info(id: string): NodeInfo | undefined {
    return this.#peers.get(id)?.info;
  }

  /** Every node that was there when this process began has had the time to be heard. */
  get knowsAll(): boolean {
    return this.#known === "all";
  }

  /** There is a node that has not been heard: if it stays silent, it is gone in time. */
  expect(id: string): void {
    const { world } = this.#options.engine;
    if (this.#peers.has(id)) return;
    this.#peers.set(id, new Peer({ ...UNHEARD, id }, world.clock.mono()));
  }

  /** Hears nothing more. */
  deafen(): void {
    this.#deaf = true;
    this.#unwatch();
    this.#cancel();
  }

  /** Says what this process is; before the first time it begins to hear what others say. */
  async announce(): Promise<void> {
    const { engine, self } = this.#options;
    this.#listening ??= this.#listen();
    await this.#listening;
    await engine.store.nodes.announce(self());
  }

  async #listen(): Promise<void> {
    try {
      const unwatch = await this.#options.engine.store.nodes.watch({
        said: (info) => this.#hear(info),
        left: (id) => this.#lose(id, "it said goodbye, or others found it gone", { certain: true }),
      });
      if (this.#deaf) unwatch();
      else this.#unwatch = unwatch;
    } catch (error) {
      this.#listening = undefined;
      throw error;
    }
  }

  /** One heartbeat: says what this process is, and looks who is silent. */
  async beat(): Promise<void> {
    const { engine, leaseMs } = this.#options;
    const { clock } = engine.world;
    await this.announce();
    for (const info of await engine.store.nodes.list()) this.#hear(info);
    const now = clock.mono();
    if (this.#known === "none") {
      this.#known = "some";
      this.#cancel = clock.after(limits.fleetKnownMs, () => {
        this.#known = "all";
        this.#options.onNews(engine.node);
      });
    }
    // Whoever could not listen for a while, frozen or cut off, must not blame the others for it.
    const silence = now - this.#heardAt;
    const deaf = silence > 2 * limits.heartbeatMs;
    this.#heardAt = now;
    const patience = { suspectMs: limits.nodeGoneMs, goneMs: Math.max(leaseMs, limits.nodeGoneMs) };
    if (silence >= patience.goneMs) this.#options.onOverslept();
    for (const peer of this.peers) {
      if (deaf) peer.excuse(now);
      peer.tick(now, patience);
      if (peer.state === "gone") this.#lose(peer.info.id, "it is silent", { certain: false });
    }
  }

  /** One round along the ring: finds those of the watched whose process is gone. */
  async watch(): Promise<void> {
    const { engine } = this.#options;
    const ids = successors(engine.node, [...this.#peers.keys()]).slice(0, WATCHED);
    const gone = await Promise.all(ids.map((id) => this.#isGone(id)));
    for (const [nth, id] of ids.entries()) {
      if (!gone[nth]) continue;
      // Those before it in the ring that are gone as well can look after nothing.
      const first = gone.slice(0, nth).every((one) => one);
      const mineAfterMs = first ? 0 : SECOND_AFTER_MS;
      if (this.#lose(id, "its process is gone", { certain: true, mineAfterMs })) {
        await engine.store.nodes.withdraw(id);
      }
    }
  }

  /** Certain only when it is so twice: a process that lost its connection comes back in between. */
  async #isGone(id: string): Promise<boolean> {
    const { store, world } = this.#options.engine;
    if (await store.nodes.alive(id)) return false;
    await pause(world.clock, limits.goneConfirmMs);
    return !(await store.nodes.alive(id));
  }

  #hear(info: NodeInfo): void {
    const { engine, onNews } = this.#options;
    if (info.id === engine.node) return;
    const known = this.#peers.get(info.id);
    if (known?.info.saidAt === info.saidAt && known.info.startedAt === info.startedAt) return;
    const now = engine.world.clock.mono();
    const lives = [info.startedAt, UNHEARD.startedAt];
    if (known && lives.includes(known.info.startedAt)) known.hear(info, now);
    else {
      if (known) this.#lose(info.id, "it was started again", { certain: true });
      this.#peers.set(info.id, new Peer(info, now));
    }
    onNews(info.id);
  }

  /** False when it was not there any more. */
  #lose(id: string, reason: string, gone: Gone): boolean {
    const { engine, onGone } = this.#options;
    const peer = this.#peers.get(id);
    if (peer === undefined) return false;
    peer.end(engine.world.clock.mono(), reason);
    this.#peers.delete(id);
    engine.logger.info("a node is gone", { node: id, reason });
    onGone(peer.info, gone);
    return true;
  }
}

/** What is known of a node that has said nothing yet. */
const UNHEARD: Omit<NodeInfo, "id"> = {
  startedAt: -1,
  saidAt: -1,
  workflows: [],
  resources: {},
  free: {},
  labels: {},
  draining: true,
};

/** The others in the order of the ring, the one after `self` first. */
export function successors(self: string, others: readonly string[]): readonly string[] {
  const sorted = others.filter((id) => id !== self).sort();
  const after = sorted.findIndex((id) => id > self);
  return after <= 0 ? sorted : [...sorted.slice(after), ...sorted.slice(0, after)];
}
