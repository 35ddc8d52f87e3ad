/**
 * Where behaviour is tried: one backend, opened as often as there are processes. Everything that was
 * opened is closed afterwards, and the whole log is held against the invariants.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect } from "vitest";
import { MemoryBackend, memoryStore } from "../../../src/adapters/memory/store.ts";
import { natsStore } from "../../../src/adapters/nats/store.ts";
import { sqliteStore } from "../../../src/adapters/sqlite/store.ts";
import { openFrame } from "../../../src/events/frame.ts";
import { recordedEvents } from "../../../src/events/recorded.ts";
import { type Millrace, open, type RecordedEvent } from "../../../src/index.ts";
import { type Clock, pause, systemClock } from "../../../src/kernel/clock.ts";
import { systemIds } from "../../../src/kernel/ids.ts";
import { silentLogger } from "../../../src/kernel/logger.ts";
import { systemRandom } from "../../../src/kernel/random.ts";
import type { Store, World } from "../../../src/ports/store.ts";
import type { OpenOptions } from "../../../src/runtime/options.ts";
import { checkLog } from "../../../src/testing/checks/check-log.ts";
import { over } from "../../../src/testing/simulation/over.ts";
import { VirtualTime } from "../../../src/testing/simulation/virtual-time.ts";
import { sharedNatsServer } from "../../support/nats-server.ts";
import { removeNamespace } from "../../support/nats-store.ts";

export const clock = systemClock();
export const world: World = { clock, random: systemRandom, ids: systemIds };

/** How long anything that must happen may take. Generous, but shorter than the usual time between two sweeps. */
const PATIENCE_MS = 25_000;

export interface SceneOptions extends Omit<OpenOptions, "store" | "lease" | "namespace"> {
  readonly leaseMs?: number;
  /** Puts faults between the engine and its store. */
  readonly wrap?: (store: Store) => Store;
}

export interface Scene {
  readonly name: string;
  /** The store's file; only for sqlite. */
  readonly file: string;
  /** Another process on this backend. */
  open(options?: SceneOptions): Promise<Millrace>;
  /** Ends it as its operator would; it is not closed again afterwards. */
  close(millrace: Millrace): Promise<void>;
  /** A bare store on this backend. */
  store(node?: string): Promise<Store>;
  /** Events of one run, or of all, as the log has them now. */
  log(run?: string): Promise<RecordedEvent[]>;
  /** Runs whose log is broken on purpose are not held against the invariants. */
  spoil(run: string): void;
}

type Opener = (node: string, leaseMs: number, world: World) => Promise<Store>;

class StoreScene implements Scene {
  readonly name: string;
  readonly file: string;
  readonly #world: World;
  readonly #open: Opener;
  /** In which order frames were stored, by position: where the log does not tell. */
  readonly #order: ReadonlyMap<number, number> | undefined;
  readonly #opened = new Set<{ close(): Promise<void> }>();
  readonly #spoilt = new Set<string>();

  /** Removes what a test leaves behind. */
  readonly remove: () => Promise<void>;

  constructor(
    name: string,
    place: {
      file: string;
      world: World;
      opener: Opener;
      remove?: () => Promise<void>;
      order?: ReadonlyMap<number, number>;
    },
  ) {
    this.name = name;
    this.remove = place.remove ?? (async () => undefined);
    this.file = place.file;
    this.#world = place.world;
    this.#open = place.opener;
    this.#order = place.order;
  }

  async open(options: SceneOptions = {}): Promise<Millrace> {
    const { leaseMs = 5_000, wrap = (store) => store, node = systemIds(), ...rest } = options;
    const store = wrap(await this.#open(node, leaseMs, rest.world ?? this.#world));
    const millrace = await open({
      logger: silentLogger,
      world: this.#world,
      stopGrace: "2s",
      ...rest,
      node,
      store,
      lease: leaseMs,
    });
    this.#opened.add(millrace);
    return millrace;
  }

  async close(millrace: Millrace): Promise<void> {
    this.#opened.delete(millrace);
    await millrace.close();
  }

  async store(node = systemIds()): Promise<Store> {
    const store = await this.#open(node, 5_000, this.#world);
    this.#opened.add(store);
    return store;
  }

  async log(run?: string): Promise<RecordedEvent[]> {
    const store = await this.#open("reader", 5_000, this.#world);
    const events: RecordedEvent[] = [];
    for await (const stored of store.log.read(run === undefined ? {} : { run })) {
      if (this.#spoilt.has(stored.run)) continue;
      events.push(...recordedEvents(stored, openFrame(stored.run, stored.bytes).frame));
    }
    await store.close();
    const nth = ({ position }: RecordedEvent): number => this.#order?.get(position) ?? position;
    return this.#order === undefined ? events : events.sort((a, b) => nth(a) - nth(b));
  }

  spoil(run: string): void {
    this.#spoilt.add(run);
  }

  closeAll(): Promise<unknown> {
    return Promise.all([...this.#opened].map((one) => one.close()));
  }

  async check(): Promise<void> {
    expect(checkLog(await this.log())).toEqual([]);
  }
}

function memoryScene(by: Clock = clock): StoreScene {
  const share = new MemoryBackend(by);
  const itsWorld = { ...world, clock: by };
  const opener: Opener = async (node, leaseMs, theWorld) =>
    memoryStore({ namespace: "default", node, leaseMs, world: theWorld, share });
  return new StoreScene("memory", { file: "", world: itsWorld, opener });
}

function partitionedScene(): StoreScene {
  const share = new MemoryBackend(clock, 3);
  const order = new Map<number, number>();
  const opener: Opener = async (node, leaseMs, theWorld) => {
    const store = memoryStore({ namespace: "default", node, leaseMs, world: theWorld, share });
    const append: Store["log"]["append"] = async (frame, signal) => {
      const outcome = await store.log.append(frame, signal);
      if (outcome.ok && !order.has(outcome.position)) order.set(outcome.position, order.size);
      return outcome;
    };
    return { ...store, log: over(store.log, { append }) };
  };
  return new StoreScene("partitioned", { file: "", world, opener, order });
}

function sqliteScene(folder: string): StoreScene {
  const file = join(folder, "millrace.db");
  const opener: Opener = (node, leaseMs, theWorld) =>
    sqliteStore(file, { namespace: "default", node, leaseMs, world: theWorld });
  return new StoreScene("sqlite", { file, world, opener });
}

function natsScene(url: string): StoreScene {
  const namespace = `scene-${systemIds()}`;
  const opener: Opener = (node, leaseMs, theWorld) =>
    natsStore(url, { namespace, node, leaseMs, world: theWorld });
  const remove = (): Promise<void> => removeNamespace(url, namespace);
  return new StoreScene("nats", { file: "", world, opener, remove });
}

/** `partitioned`: in memory, with a log of three partitions. */
type Kind = "memory" | "sqlite" | "nats" | "partitioned";

/** Where behaviour is tried that is the same on every store; `MILLRACE_TEST_STORES=nats` or `partitioned` for another. */
const EVERYWHERE = (process.env["MILLRACE_TEST_STORES"] ?? "memory,sqlite").split(",") as Kind[];

/** For what the adapter may make a difference to. */
export const ALL_STORES: readonly Kind[] = ["memory", "sqlite", "nats"];

/** Also where runs have no common order. */
export const ALL_LOGS: readonly Kind[] = [...ALL_STORES, "partitioned"];

/** Declares the same tests on several stores; each test gets a fresh one. */
export function onStores(
  what: string,
  tests: (scene: () => Scene) => void,
  kinds: readonly Kind[] = EVERYWHERE,
): void {
  const url = kinds.includes("nats") ? sharedNatsServer() : undefined;
  describe.each(kinds)(`${what}, on %s`, (kind) => {
    let scene: StoreScene;
    let folder: string;
    beforeEach(() => {
      folder = mkdtempSync(join(tmpdir(), "millrace-scene-"));
      if (kind === "nats") scene = natsScene(url?.() ?? "");
      else if (kind === "sqlite") scene = sqliteScene(folder);
      else scene = kind === "memory" ? memoryScene() : partitionedScene();
    });
    afterEach(async () => {
      try {
        await scene.closeAll();
        await scene.check();
      } finally {
        await scene.remove();
        rmSync(folder, { recursive: true, force: true });
      }
    });
    tests(() => scene);
  });
}

/** Declares tests on a memory store in virtual time. */
export function onVirtualTime(
  what: string,
  tests: (scene: () => Scene, time: () => VirtualTime) => void,
): void {
  describe(`${what}, in virtual time`, () => {
    let scene: StoreScene;
    let time: VirtualTime;
    beforeEach(() => {
      time = new VirtualTime();
      scene = memoryScene(time);
    });
    afterEach(async () => {
      await time.until(scene.closeAll());
      await scene.check();
    });
    tests(
      () => scene,
      () => time,
    );
  });
}

/** Waits until it is so; fails when it never is. */
export async function until(what: string, check: () => unknown): Promise<void> {
  const deadline = clock.mono() + PATIENCE_MS;
  while (!(await check())) {
    if (clock.mono() > deadline) throw new Error(`never came true: ${what}`);
    await pause(clock, 5);
  }
}

export const sleep = (ms: number): Promise<void> => pause(clock, ms);

/** Types of events, with their steps: "step.started a". */
export const outline = (events: readonly RecordedEvent[]): string[] =>
  events.map((event) => ("step" in event ? `${event.type} ${event.step}` : event.type));

/** Events of one type. */
export const only = <T extends RecordedEvent["type"]>(
  events: readonly RecordedEvent[],
  type: T,
): Extract<RecordedEvent, { type: T }>[] =>
  events.filter((event): event is Extract<RecordedEvent, { type: T }> => event.type === type);

/** What it rejects with; fails when it does not. */
export const refusal = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    (value) => Promise.reject(new Error(`expected a refusal, got ${JSON.stringify(value)}`)),
    (error: unknown) => error,
  );

/** Everything that an iteration gives. */
export async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const given: T[] = [];
  for await (const item of items) given.push(item);
  return given;
}
