/** The composition root: options in, a running millrace out. */
/// <reference lib="esnext.disposable" />

import { Client } from "../client/client.ts";
import { History } from "../client/history/history-care.ts";
import {
  type Executor,
  execute,
  executeDistributed,
  executeLocal,
} from "../client/starting/execute.ts";
import type { ExecuteOptions } from "../client/starting/execute-options.ts";
import type { Executed } from "../client/starting/executed.ts";
import type { Pipeline } from "../client/starting/pipeline.ts";
import { type StreamOptions, stream } from "../client/starting/stream.ts";
import { registerNode } from "../client/telling/register-node.ts";
import type { Resources } from "../cluster/resources.ts";
import type { Engine } from "../engine/engine.ts";
import { Catalog } from "../engine/hosting/catalog.ts";
import { Host } from "../engine/hosting/host.ts";
import { Projector } from "../engine/reading/projector.ts";
import { type RebuildOptions, type Rebuilt, rebuild } from "../engine/reading/rebuild.ts";
import { RunIndexKeeper } from "../engine/reading/run-index-keeper.ts";
import { Gates } from "../engine/records/gates.ts";
import { Schedules } from "../engine/records/schedules.ts";
import { lineageOf } from "../engine/values/lineage.ts";
import { pause } from "../kernel/clock.ts";
import type { Store } from "../ports/store.ts";
import { runSummary } from "../projections/run-summary.ts";
import { savedProjections } from "../projections/saved.ts";
import type { Dag } from "../workflow/dag.ts";
import { codedStore } from "./coded-store.ts";
import { hasIndex, openIndex, openStore } from "./open-store.ts";
import { checkNodeResources, type OpenOptions, type Settings, settings } from "./options.ts";
import { type Stores, storesOf } from "./stores.ts";

/** How long closing waits for a store that does not answer, beyond the grace for running steps. */
const STORE_PATIENCE_MS = 3_000;

/** An open millrace: the client's methods, and the worker that hosts runs (if workflows were given). */
export class Millrace extends Client implements AsyncDisposable {
  /** Id of this process. */
  readonly node: string;
  readonly store: Store;
  /** The seed stores on the event log: see `Stores`. */
  readonly stores: Stores;
  /** Archives, deletion and retention of runs. */
  readonly history: History;
  readonly #engine: Engine;
  readonly #index: RunIndexKeeper;
  readonly #catalog: Catalog;
  readonly #gates: Gates;
  readonly #host: Host | undefined;
  readonly #stopGraceMs: number;
  #closing: Promise<void> | undefined;

  constructor(engine: Engine, configured: Settings) {
    const summaries = new Projector(engine, runSummary);
    const index = new RunIndexKeeper(engine, () => openIndex(configured.index));
    const gates = new Gates(engine);
    const schedules = new Schedules(engine);
    const { workflows, versions } = configured;
    super(engine, workflows, versions, { summaries, index, gates, schedules });
    this.#index = index;
    this.#gates = gates;
    this.#engine = engine;
    this.#catalog = new Catalog(configured.versions);
    this.node = engine.node;
    this.store = engine.store;
    // One that is not there need not be made to forget.
    const current = async () => (hasIndex(configured.index) ? index.current() : undefined);
    const runIndex = { current, save: async () => undefined };
    const makeAgain = lineageOf(engine, this.#catalog);
    const { stores, eraser } = storesOf(engine, summaries, runIndex, makeAgain);
    this.stores = stores;
    this.history = new History(engine, summaries, eraser);
    this.#stopGraceMs = configured.stopGraceMs;
    const { worker, leaseMs, parkAfterMs, sweepEveryMs } = configured;
    if (worker !== undefined) {
      this.#host = new Host({
        engine,
        catalog: this.#catalog,
        summaries,
        gates,
        schedules,
        leaseMs,
        parkAfterMs,
        sweepEveryMs,
        ...worker,
      });
      this.#host.start();
    }
  }

  /**
   * Runs the functions of a DAG and gives what each returned. Other processes that were opened with the
   * same DAG (`workflows: [dag.workflow]`) take part; without them all of it runs here. A DAG without
   * functions has no results. The call may be made again with the same `id`, also by another process: it
   * goes on where the first one was.
   * @throws MillraceError what `Dag.validate` throws, then nothing has run; `E_STEP_FAILED` naming the
   * function and its attempts, `E_RESOURCES_UNAVAILABLE` (one fits on no node), `E_TIMEOUT`, `E_RUN_CANCELLED`, `E_RUN_TERMINATED`, `E_RUN_CONFLICT` (the id is taken),
   * `E_OPTION_INVALID`, `E_STORE_CLOSED`
   */
  execute(dag: Dag, options: ExecuteOptions = {}): Promise<Executed> {
    return execute(this.#executor, dag, options);
  }

  /**
   * Like `execute`, with the code of other processes only, unless this one was opened with the DAG too.
   * @throws MillraceError as `execute`; `E_DEF_INVALID` for a DAG without id, `E_WORKFLOW_UNKNOWN` when no
   * process that is up has it
   */
  executeDistributed(dag: Dag, options: ExecuteOptions = {}): Promise<Executed> {
    return executeDistributed(this.#executor, dag, options);
  }

  /**
   * Like `execute`, with all functions in this process, whatever they say about nodes and costs.
   * @throws MillraceError as `execute`
   */
  executeLocal(dag: Dag, options: ExecuteOptions = {}): Promise<Executed> {
    return executeLocal(this.#executor, dag, options);
  }

  /**
   * Items go through the functions of a DAG as they come: each is an execution of its own, with values for
   * the DAG's inputs; what comes out is in the order in which it was pushed, and one that fails stops no
   * other. See `Pipeline`. Without a worker here, other processes must have been opened with the DAG.
   * @throws MillraceError what `Dag.validate` throws; `E_OPTION_INVALID`, `E_WORKFLOW_UNKNOWN`, `E_DEF_EMPTY`
   */
  stream(dag: Dag, options: StreamOptions = {}): Promise<Pipeline> {
    return stream(this.#executor, dag, options);
  }

  get #executor(): Executor {
    const catalog = this.#host === undefined ? undefined : this.#catalog;
    return { engine: this.#engine, gates: this.#gates, feed: this.feed, catalog };
  }

  /** Runs hosted by this process now. */
  get hosted(): number {
    return this.#host?.hosted ?? 0;
  }

  /**
   * From now on this process has these resources (its slots stay as they are), as if it had been opened
   * with them; what runs keeps what it has.
   * @throws MillraceError `E_OPTION_INVALID`
   */
  async registerLocalNode(resources: Resources): Promise<void> {
    const has = checkNodeResources(resources);
    await this.#host?.equip(has);
  }

  /**
   * The same for another process: it is told, and this resolves once it says that it has them. It forgets them
   * when it is started again; what it has then is said by its own `resources`.
   * @throws MillraceError `E_OPTION_INVALID`, `E_ID_INVALID`; `E_NODE_GONE` when it is not there, or does not answer
   */
  async registerNode(node: string, resources: Resources): Promise<void> {
    await registerNode(this.#engine, node, checkNodeResources(resources));
  }

  /**
   * Throws away what is saved beside the log (run lists, the index of outputs) and folds it from the log
   * again; with `verify`, says of each whether it was true.
   */
  rebuild(options: RebuildOptions = {}): Promise<readonly Rebuilt[]> {
    return rebuild(this.#engine, savedProjections, options);
  }

  /**
   * Stops gracefully: takes nothing new, waits for running steps (`stopGrace`), gives the rest back,
   * closes the store. Calling it again returns the same promise.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    // A server that is away must not keep a process from ending: what is left to say to it are hints.
    const patience = STORE_PATIENCE_MS;
    try {
      await this.#bounded(this.#host?.stop(this.#stopGraceMs), this.#stopGraceMs + patience);
    } finally {
      await this.#index.close();
      await this.#bounded(this.store.close(), patience);
    }
  }

  async #bounded(work: Promise<void> | undefined, ms: number): Promise<void> {
    if (work === undefined) return;
    const { world, logger } = this.#engine;
    const ended = new AbortController();
    let over = false;
    const outcome = work.finally(() => {
      over = true;
    });
    try {
      await Promise.race([outcome, pause(world.clock, ms, ended.signal)]);
    } finally {
      ended.abort("nobody waits any more");
    }
    if (over) return;
    logger.warn("closing without the store's answer; leases will run out by themselves", { ms });
    outcome.catch((error: unknown) => logger.warn("closed late", { error: String(error) }));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/**
 * Opens a store and, when workflows are given, begins to host their runs.
 * @throws MillraceError `E_OPTION_INVALID`, `E_ID_INVALID`, `E_DEF_DUPLICATE`, and what the store refuses:
 * `E_STORE_UNAVAILABLE`, `E_SERVER_UNSUITABLE`, `E_STORE_DRIFT`
 */
export async function open(options: OpenOptions = {}): Promise<Millrace> {
  const configured = settings(options);
  const { node, world, codecs, logger, namespace, partitions, leaseMs } = configured;
  const store =
    typeof configured.store === "string"
      ? await openStore(configured.store, { namespace, partitions, node, leaseMs, world })
      : configured.store;
  const engine: Engine = {
    store: codedStore(store, codecs),
    world,
    node,
    logger,
    codec: codecs[0],
    codecs,
  };
  return new Millrace(engine, configured);
}
