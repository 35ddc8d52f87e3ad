/** What programs look at, from any process. Nothing here touches a run. */
import { freeze } from "immer";
import type { Resources } from "../cluster/resources.ts";
import type { Explanation } from "../domain/explain.ts";
import type { Engine } from "../engine/engine.ts";
import { LogFeed } from "../engine/reading/log-feed.ts";
import { Moments } from "../engine/reading/moments.ts";
import { Projector } from "../engine/reading/projector.ts";
import type { RunIndexKeeper } from "../engine/reading/run-index-keeper.ts";
import type { Gates } from "../engine/records/gates.ts";
import type { Schedules } from "../engine/records/schedules.ts";
import type { EventType } from "../events/vocabulary.ts";
import { checkId } from "../kernel/ids.ts";
import type { NodeInfo } from "../ports/node-registry.ts";
import { type OpenApprovals, openApprovals } from "../projections/open-approvals.ts";
import type { RunStatus, RunSummaries, RunSummary } from "../projections/run-summary.ts";
import { existingRun } from "./existing-run.ts";
import type { ReplayedEvent } from "./following/playback.ts";
import { type ReplayOptions, replay } from "./following/replay.ts";
import { type EventStream, type SubscribeOptions, subscribe } from "./following/subscribe.ts";
import { Subscription, type SubscriptionOptions } from "./following/subscription.ts";
import { type ProjectionDefinition, UserProjection } from "./following/user-projection.ts";
import { type Comparison, compareRuns } from "./forking/compare-runs.ts";
import { type Lineage, lineageOf } from "./forking/lineage.ts";
import { explainRun } from "./looking/explain-run.ts";
import { type LimitsOptions, listLimits, type WorkflowLimit } from "./looking/limits.ts";
import { type ListOptions, listRuns } from "./looking/list-runs.ts";
import { discoverNodes, listNodes, resourcesAvailable } from "./looking/nodes.ts";
import { describeRun, type RunDescription } from "./looking/query-run.ts";
import { type RunView, runView } from "./looking/run-view.ts";
import { countRuns, type RunPage, type SearchOptions, searchRuns } from "./looking/search-runs.ts";
import { momentOf, type RunMoment, stateAt, whenOf } from "./looking/state-at.ts";
import { diffStates, type StateDiff } from "./looking/state-diff.ts";
import type { StateView } from "./looking/state-view.ts";
import { callOptions } from "./options.ts";
import {
  type PendingApproval,
  type PendingOptions,
  pendingApprovals,
} from "./telling/approvals.ts";

/** What a process keeps of all runs. */
export interface Views {
  readonly summaries: Projector<RunSummaries>;
  readonly index: RunIndexKeeper;
  readonly gates: Gates;
  readonly schedules: Schedules;
}

export class ReadClient {
  readonly #engine: Engine;
  protected readonly feed: LogFeed;
  readonly #moments: Moments;
  readonly #views: Views;
  readonly #approvals: Projector<OpenApprovals>;

  constructor(engine: Engine, views: Views) {
    this.#engine = engine;
    this.feed = new LogFeed(engine);
    this.#moments = new Moments(engine);
    this.#views = views;
    this.#approvals = new Projector(engine, openApprovals);
  }

  /**
   * Runs by workflow, status, labels, parent, failed step, reason for waiting or time, page by page. The cost
   * of a page does not grow with the number of runs. The first call of a process brings its index up to date.
   * @throws MillraceError `E_OPTION_INVALID`, `E_ID_INVALID`
   */
  search(options: SearchOptions = {}): Promise<RunPage> {
    return searchRuns(this.#views.index, options);
  }

  /** How many runs have which status, of all or of one workflow; those that no run has are left out. */
  count(
    options: { readonly workflow?: string } = {},
  ): Promise<Readonly<Partial<Record<RunStatus, number>>>> {
    return countRuns(this.#views.index, options);
  }

  /**
   * The run as it is now, or as it was right after event `seq`. Frozen.
   * @throws MillraceError `E_RUN_NOT_FOUND`, `E_LOG_CORRUPT`, `E_FRAME_INVALID`, `E_OPTION_INVALID`
   */
  async get(run: string, options: { readonly seq?: number } = {}): Promise<RunView> {
    const { seq } = callOptions("get()", options, ["seq"]);
    const when = seq === undefined ? "now" : whenOf("seq", seq);
    const { state } = await momentOf(this.#moments, run, when);
    return freeze(runView(state), true);
  }

  /**
   * All that can be told of the run right after an event, or at a time: its steps, timers, waits, signals,
   * outputs and checkpoints as they were. Frozen. No code runs; a moment near one that was looked at
   * before costs little, however long the run is.
   * @throws MillraceError `E_RUN_NOT_FOUND` (also when it did not exist yet), `E_LOG_CORRUPT`,
   * `E_FRAME_INVALID`, `E_OPTION_INVALID`
   */
  stateAt(run: string, moment: RunMoment): Promise<StateView> {
    return stateAt(this.#moments, run, moment);
  }

  /**
   * What is different between two moments of the run.
   * @throws MillraceError as `stateAt`
   */
  async diff(run: string, from: RunMoment, to: RunMoment): Promise<StateDiff> {
    const [before, after] = [await this.stateAt(run, from), await this.stateAt(run, to)];
    return diffStates(before, after);
  }

  /**
   * The run's events so far, each with the run before and after it, as fast as they are taken or at a
   * speed. No code runs. Views are made when they are looked at; what did not change from one to the next
   * is the same object in both.
   * @throws MillraceError `E_OPTION_INVALID`, at once; in the iteration `E_RUN_NOT_FOUND`,
   * `E_LOG_CORRUPT`, `E_FRAME_INVALID`
   */
  replay(run: string, options: ReplayOptions = {}): AsyncIterable<ReplayedEvent> {
    return replay(this.#moments, checkId("run id", run), options);
  }

  /**
   * Why the run is not finished: what it waits for, since when, until when, and who could end the wait. Also
   * when no process that is up has its version of the workflow, what each node lacks of a step that waits for a
   * place, and where the run stands in line for admission.
   * @throws MillraceError `E_RUN_NOT_FOUND`, `E_LOG_CORRUPT`, `E_FRAME_INVALID`
   */
  async explain(run: string): Promise<Explanation> {
    return explainRun(this.#engine, this.#views.gates, await existingRun(this.#engine, run));
  }

  /**
   * All that is known of the run now, in one look: what `stateAt` and `explain` give, and how much is in its
   * inbox. Whether anybody hosts it makes no difference. Frozen.
   * @throws MillraceError `E_RUN_NOT_FOUND`, `E_LOG_CORRUPT`, `E_FRAME_INVALID`
   */
  describe(run: string): Promise<RunDescription> {
    return describeRun(this.#engine, { gates: this.#views.gates, moments: this.#moments }, run);
  }

  /** Runs, the newest first. */
  list(options: ListOptions = {}): Promise<readonly RunSummary[]> {
    return listRuns(this.#views.summaries, options);
  }

  /** What the run branched off, and what branched off it. @throws MillraceError `E_RUN_NOT_FOUND` */
  lineage(run: string): Promise<Lineage> {
    return lineageOf(this.#engine, this.#views.summaries, run);
  }

  /**
   * Two runs beside each other, event by event, from where they have nothing in common any more.
   * @throws MillraceError `E_RUN_NOT_FOUND`
   */
  compare(left: string, right: string): Promise<Comparison> {
    return compareRuns(this.#engine, left, right);
  }

  /**
   * Events of one run until its end, of many runs or of all without end: history, then live, without gap
   * or repeat, at the reader's pace. What is given narrows it down. Events are frozen. To go on in
   * another process, or later, begin `after` the last event that was dealt with, or at the stream's `cursor`.
   * @throws MillraceError `E_OPTION_INVALID`, `E_ID_INVALID`, at once; in the iteration `E_STORE_CLOSED`,
   * and of one run `E_RUN_ERASED` when it is erased, `E_FRAME_INVALID`, `E_LOG_CORRUPT` where its log is damaged
   */
  subscribe<const T extends EventType = EventType>(
    options: SubscribeOptions<T> = {},
  ): EventStream<T> {
    return subscribe(this.feed, options);
  }

  /**
   * A subscription that remembers under a name how far its reader came, through restarts: iterate over
   * it, and acknowledge what is dealt with. What was not acknowledged comes again.
   * @throws MillraceError `E_OPTION_INVALID`, `E_ID_INVALID`
   */
  subscription<const T extends EventType = EventType>(
    name: string,
    options: SubscriptionOptions<T> = {},
  ): Subscription<T> {
    return new Subscription(this.feed, name, options);
  }

  /**
   * A view of your own over recorded events, kept up to date in this process: see `defineProjection`.
   * @throws MillraceError `E_OPTION_INVALID`, `E_ID_INVALID`
   */
  projection<V>(definition: ProjectionDefinition<V>): UserProjection<V> {
    return new UserProjection(this.feed, definition);
  }

  /**
   * What runs wait for people to decide, the longest waiting first.
   * @throws MillraceError `E_OPTION_INVALID`, `E_ID_INVALID`
   */
  pendingApprovals(options: PendingOptions = {}): Promise<readonly PendingApproval[]> {
    return pendingApprovals(this.#engine, this.#approvals, this.#views.summaries, options);
  }

  /**
   * How full the limits of workflows are, by key: runs at work or admissions in the span, places or tokens that are
   * left, how many wait, and the oldest of them. Limits that nobody uses or waits for are left out.
   * @throws MillraceError `E_OPTION_INVALID`, `E_ID_INVALID`
   */
  limits(options: LimitsOptions = {}): Promise<readonly WorkflowLimit[]> {
    return listLimits(this.#views.gates, this.#views.summaries, options);
  }

  /** The processes that are there, each as it announced itself last (every 2 s), by id. */
  nodes(): Promise<readonly NodeInfo[]> {
    return listNodes(this.#engine);
  }

  /** What each node has, by its id: Handoff's name for `nodes()`. */
  discoverNodes(): Promise<ReadonlyMap<string, Resources>> {
    return discoverNodes(this.#engine);
  }

  /**
   * Whether the node has so much free, as it announced last; false for one that is not there. An answer
   * for people: whether a step may begin is decided by the node itself, when it is asked.
   * @throws MillraceError `E_ID_INVALID`, `E_OPTION_INVALID`
   */
  resourcesAvailable(node: string, request: Resources): Promise<boolean> {
    return resourcesAvailable(this.#engine, node, request);
  }
}
