/**
 * One simulated installation: a memory backend in virtual time, a client that lives for ever, and a
 * process that hosts the runs, can be crashed at any commit, and is replaced by another at once.
 */

import { MemoryBackend, memoryStore } from "../../adapters/memory/store.ts";
import { openFrame } from "../../events/frame.ts";
import { recordedEvents } from "../../events/recorded.ts";
import type { RecordedEvent } from "../../events/vocabulary.ts";
import { awaitedLater } from "../../kernel/async.ts";
import { seededIds } from "../../kernel/ids.ts";
import { type Logger, silentLogger } from "../../kernel/logger.ts";
import { type Random, seededRandom } from "../../kernel/random.ts";
import type { EventLog } from "../../ports/event-log.ts";
import type { Store, World } from "../../ports/store.ts";
import { type Millrace, open } from "../../runtime/open.ts";
import type { OpenOptions } from "../../runtime/options.ts";
import type { Workflow } from "../../workflow/definition.ts";
import { type Execution, instrumented, never } from "./execution.ts";
import { over } from "./over.ts";
import { Process } from "./process.ts";
import type { VirtualTime } from "./virtual-time.ts";

/** Where a process is crashed: at its n-th commit (from 1), which is then stored or not. */
export interface CrashPoint {
  readonly commit: number;
  readonly side: "before" | "after";
}

/** A crash that has happened. */
export interface Crash extends CrashPoint {
  readonly node: string;
  readonly run: string;
  /** Seq of the first event of the commit, and the types of all of them. */
  readonly seq: number;
  readonly events: readonly string[];
}

/** What a simulation is made of. */
export interface SimulationOptions {
  readonly time: VirtualTime;
  readonly seed: number;
  /** Decides how long attempts take, in turns. @default none takes any */
  readonly order: Random | undefined;
  /** Called for every process: what it keeps in memory is its own. */
  readonly workflows: () => readonly Workflow[];
  readonly open: Omit<OpenOptions, "store" | "world" | "workflows" | "lease">;
}

/** A claim is given back by a crash, and never runs out: upkeep may be late by as long as a wait takes. */
const LEASE_MS = 20 * 365 * 86_400_000;

/** The process that hosts now. */
interface Host {
  readonly process: Process;
  readonly store: Store;
  readonly millrace: Millrace;
}

export class Simulation {
  readonly #options: SimulationOptions;
  readonly #backend: MemoryBackend;
  readonly #client: Millrace;
  readonly #random: Random;
  /** Attempts of steps that were begun, in order, in all processes. */
  readonly executions: Execution[] = [];
  /** What hosts complained about: in a simulation nothing is wrong but the code under test. */
  readonly complaints: string[] = [];
  /** Crashes at commits, in order. */
  readonly crashes: Crash[] = [];
  #workflows: () => readonly Workflow[];
  /** What the present process has. */
  #made: readonly Workflow[] = [];
  #host: Promise<Host>;
  #nodes = 0;
  #commits = 0;
  #crashPoints: readonly CrashPoint[] = [];

  private constructor(
    options: SimulationOptions,
    place: { backend: MemoryBackend; client: Millrace; random: Random },
  ) {
    this.#options = options;
    this.#workflows = options.workflows;
    this.#backend = place.backend;
    this.#client = place.client;
    this.#random = place.random;
    this.#host = this.#openHost();
  }

  static async begin(options: SimulationOptions): Promise<Simulation> {
    const { time, seed, workflows } = options;
    const backend = new MemoryBackend(time);
    const random = seededRandom(seed);
    const world = { clock: time, random, ids: seededIds(random) };
    const store = memoryStore({ namespace: "default", node: "client", world, share: backend });
    const client = await open({
      logger: silentLogger,
      ...options.open,
      store,
      world,
      workflows: workflows(),
      node: "client",
      worker: false,
    });
    const simulation = new Simulation(options, { backend, client, random });
    await simulation.#host;
    return simulation;
  }

  /** What programs beside the host use; it is never crashed. */
  get client(): Millrace {
    return this.#client;
  }

  /** The workflow of that name, as the present process has it. */
  workflow(name: string): Workflow | undefined {
    return this.#made.find((one) => one.name === name);
  }

  /** How many commits hosts have made, crashed ones included. */
  get commits(): number {
    return this.#commits;
  }

  /** How many processes have hosted. */
  get processes(): number {
    return this.#nodes;
  }

  /** How much is in the log: it grows with every frame, and with every run that is erased. */
  get head(): number {
    return this.#backend.space("default").frames.reduce((sum, table) => sum + table.head(), 0);
  }

  /** Crashes hosts at these commits, counted over all of them from the beginning. */
  crashAt(points: readonly CrashPoint[]): void {
    this.#crashPoints = points;
  }

  /** Kills the host where it is, and opens another, with other code if there is some. */
  crash(workflows = this.#workflows): Promise<void> {
    this.#workflows = workflows;
    return this.#replace(async ({ process, store }) => {
      process.kill();
      await store.close();
    });
  }

  /** Ends the host as its operator would, and opens another, with other code if there is some. */
  restart(workflows = this.#workflows): Promise<void> {
    this.#workflows = workflows;
    return this.#replace(({ millrace }) => this.#options.time.until(millrace.close()));
  }

  /** Resolves when a crash that was asked for is over, and rejects if the next process cannot be opened. */
  async ready(): Promise<void> {
    await this.#host;
  }

  /** All events of the log, or those of one run. */
  async events(run?: string): Promise<RecordedEvent[]> {
    const events: RecordedEvent[] = [];
    const codecs = this.#options.open.codecs;
    for await (const stored of this.#client.store.log.read(run === undefined ? {} : { run })) {
      const { frame } = openFrame(stored.run, stored.bytes, codecs);
      events.push(...recordedEvents(stored, frame));
    }
    return events;
  }

  /** Whether anything is in the run's inbox past this position. */
  async hasInput(run: string, after: number): Promise<boolean> {
    return (await this.#client.store.inbox.read(run, after)).length > 0;
  }

  /** Drops everything where it is: nothing of it takes up anything but memory. */
  async abandon(): Promise<void> {
    (await this.#host).process.kill();
  }

  /** Ends everything as an operator would. */
  async close(): Promise<void> {
    const { time } = this.#options;
    const { millrace } = await this.#host;
    await time.until(Promise.all([millrace.close(), this.#client.close()]));
  }

  #replace(end: (host: Host) => Promise<void>): Promise<void> {
    const old = this.#host;
    this.#host = awaitedLater(old.then(end).then(() => this.#openHost()));
    return this.ready();
  }

  async #openHost(): Promise<Host> {
    const { time, order } = this.#options;
    const process = new Process();
    const node = `node-${++this.#nodes}`;
    const clock = process.clock(time);
    const random = this.#random;
    const world: World = {
      clock,
      random,
      ids: seededIds(random),
      upkeep: process.clock(time.upkeep),
    };
    const place = { namespace: "default", node, world, leaseMs: LEASE_MS };
    const real = memoryStore({ ...place, share: this.#backend });
    const store = process.wrap({ ...real, log: this.#crashing(real.log, process, node) });
    const began = (execution: Execution): void => void this.executions.push(execution);
    const instruments = { process, node, time, clock, order, began };
    const made = this.#workflows();
    this.#made = made;
    const millrace = await open({
      ...this.#options.open,
      logger: this.#hearing(process),
      node,
      store,
      world,
      lease: LEASE_MS,
      workflows: made.map((workflow) => instrumented(workflow, instruments)),
    });
    return { process, millrace, store: real };
  }

  #hearing(process: Process): Logger {
    const { logger = silentLogger } = this.#options.open;
    return {
      info: (message, fields) => logger.info(message, fields),
      warn: (message, fields) => logger.warn(message, fields),
      error: (message, fields) => {
        // What a step logs is the user's own business.
        const own = fields?.["step"] === undefined && !process.dead;
        const cause = fields?.["error"] === undefined ? "" : `: ${String(fields["error"])}`;
        if (own) this.complaints.push(`${message}${cause}`);
        logger.error(message, fields);
      },
    };
  }

  #crashing(log: EventLog, process: Process, node: string): EventLog {
    const append: EventLog["append"] = (frame, signal) => {
      const commit = ++this.#commits;
      const point = this.#crashPoints.find((one) => one.commit === commit);
      if (point === undefined) return log.append(frame, signal);
      // Stored in one stretch, before anybody else moves.
      if (point.side === "after") void awaitedLater(log.append(frame, signal));
      const { seq, events } = openFrame(frame.run, frame.bytes, this.#options.open.codecs).frame;
      const types = events.map(({ type }) => type);
      this.crashes.push({ ...point, node, run: frame.run, seq, events: types });
      process.kill();
      void this.crash();
      return never();
    };
    return over(log, { append });
  }
}
