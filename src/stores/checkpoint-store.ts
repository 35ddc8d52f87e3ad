/**
 * The checkpoint store: runs, the states that their nodes saved, and their workflow events, for
 * orchestrators that keep everything else themselves. Node names are text of any kind; run ids are
 * millrace's ids, because they become part of places where other characters have a meaning.
 */
import { emptyRun } from "../domain/state.ts";
import type { Engine } from "../engine/engine.ts";
import type { Journal } from "../engine/reading/journal.ts";
import { Projector } from "../engine/reading/projector.ts";
import type { Draft } from "../engine/turn/draft.ts";
import { fromValue, toValue } from "../engine/values/values.ts";
import { MillraceError } from "../kernel/errors.ts";
import { checkId } from "../kernel/ids.ts";
import { blobReferences } from "../projections/blob-references.ts";
import type { CheckpointEntry, Checkpoints } from "../projections/checkpoints.ts";
import { type RunSummaries, runSummary } from "../projections/run-summary.ts";
import { pageOf, readNoted, readSaved } from "./checkpoint-log.ts";
import { recordBytes, stateOf } from "./checkpoint-state.ts";
import { checkCount, checkMetadata, checkText, invalid } from "./checkpoint-store-checks.ts";
import {
  type CheckpointMeta,
  metaOf,
  type NewWorkflowEvent,
  type RunMetadata,
  recordedRun,
  type SavedCheckpoint,
  type WorkflowEvent,
} from "./checkpoint-store-rows.ts";
import type { SavedProjection } from "./delete-run.ts";
import { BY_HAND, beginDriven, demandRun } from "./driven-run.ts";
import { type DrivenStatus, drivenStatuses, moveRun } from "./driven-status.ts";
import { Eraser } from "./eraser.ts";
import { givenFailure } from "./given-failure.ts";

/** What a checkpoint store may be told. */
export interface CheckpointStoreOptions {
  /** Projections over all runs, which forget a run that is deleted, also in their saved copies. */
  readonly views?: readonly SavedProjection[];
  /** One that the process has anyway. @default an own one */
  readonly summaries?: Projector<RunSummaries>;
  /** One that the process has anyway; it knows the views and summaries. @default an own one */
  readonly eraser?: Eraser;
}

/** What goes with a change of status. */
export interface StatusDetail {
  /** Of a run that is completed. JSON. @default null */
  readonly output?: unknown;
  /** Why a run failed. */
  readonly error?: unknown;
  /** Why a run is paused or cancelled. */
  readonly reason?: string;
}

/** See the head of this file; every function beside the seed's is in docs/seeds.md. */
export class CheckpointStore {
  readonly #engine: Engine;
  readonly #journal: Journal;
  readonly #eraser: Eraser;

  constructor(engine: Engine, journal: Journal, options: CheckpointStoreOptions = {}) {
    this.#engine = engine;
    this.#journal = journal;
    this.#eraser = options.eraser ?? eraserOf(engine, journal, options);
  }

  /**
   * Begins a run driven by hand, unless it exists: the same id with the same workflow and
   * parameters is the same run, and is left as it is. An id whose run was deleted begins anew.
   * @throws MillraceError `E_RUN_CONFLICT`, `E_ID_INVALID`, `E_NOT_JSON`, `E_TOO_LARGE`
   */
  async createRun(run: string, workflow: string, params?: unknown): Promise<RunMetadata> {
    await beginDriven(this.#journal, this.#engine, run, { workflow, input: params });
    const created = await this.getRun(run);
    if (created !== undefined) return created;
    throw new MillraceError("E_RUN_ERASED", `run ${run} was deleted while it was created`);
  }

  /** Undefined when there is no such run. */
  async getRun(run: string): Promise<RunMetadata | undefined> {
    const id = checkId("run id", run);
    const recorded = await this.#journal.read(id, recordedRun);
    if (recorded === undefined) return undefined;
    const { input, ...known } = recorded;
    return { ...known, params: await fromValue(this.#engine.store.blobs, input, emptyRun(id)) };
  }

  /**
   * Sets the status of a run driven by hand. Running and paused lead anywhere, the other three
   * nowhere; the status that it has already changes nothing.
   * @throws MillraceError `E_RUN_NOT_FOUND`, `E_COMMAND_REFUSED`, `E_OPTION_INVALID`, `E_NOT_JSON`,
   * `E_TOO_LARGE`
   */
  async updateRunStatus(
    run: string,
    status: DrivenStatus,
    detail: StatusDetail = {},
  ): Promise<void> {
    if (!drivenStatuses.includes(status)) {
      const known = drivenStatuses.join(", ");
      throw invalid("status", `${JSON.stringify(status)} is none of ${known}`);
    }
    const { blobs } = this.#engine.store;
    const output = await toValue(blobs, `output of run ${run}`, detail.output);
    const error = givenFailure(detail.error ?? BY_HAND);
    const ending = { output, error, reason: detail.reason ?? BY_HAND };
    await this.#journal.amend(checkId("run id", run), (draft) =>
      moveRun(draft, this.#engine.node, status, ending),
    );
  }

  /**
   * Saves the state of a node. In every status of the run, and in hosted runs too.
   * @param node any text but the empty one
   * @throws MillraceError `E_RUN_NOT_FOUND`, `E_OPTION_INVALID`, `E_TOO_LARGE`
   */
  async saveCheckpoint(
    run: string,
    node: string,
    state: Uint8Array,
    metadata: Readonly<Record<string, string>> = {},
  ): Promise<CheckpointMeta> {
    const id = checkId("run id", run);
    const kept = { node: checkText("node", node), metadata: checkMetadata(metadata) };
    const value = await recordBytes(this.#engine.store.blobs, state);
    return this.#journal.amend(id, (draft) => {
      demandRun(draft.state);
      const checkpoint = draft.state.checkpoints + 1;
      const { now: at } = draft;
      const saved = { checkpoint, ...kept, at };
      draft.add([{ type: "checkpoint.saved", state: value, encoding: "bytes", ...saved }]);
      return metaOf(id, { ...saved, bytes: state.length });
    });
  }

  /** The newest checkpoint of a node; undefined when there is none, or no such run. */
  loadCheckpoint(run: string, node: string): Promise<SavedCheckpoint | undefined> {
    return this.#load(run, ({ all, byNode }) => all[(byNode.get(node)?.at(-1) ?? 0) - 1]);
  }

  /** The checkpoint with this number, if it is of this node. */
  loadCheckpointAt(run: string, node: string, seq: number): Promise<SavedCheckpoint | undefined> {
    return this.#load(run, ({ all }) => {
      const entry = all[seq - 1];
      return entry?.node === node ? entry : undefined;
    });
  }

  /** The newest checkpoint of the node whose number is not above `seq`. */
  loadCheckpointAtOrBefore(
    run: string,
    node: string,
    seq: number,
  ): Promise<SavedCheckpoint | undefined> {
    return this.#load(run, ({ all, byNode }) => {
      const number = lastUpTo(byNode.get(node) ?? [], seq);
      return number === undefined ? undefined : all[number - 1];
    });
  }

  /** The checkpoints of all nodes, in the order of their numbers; none for an unknown run. */
  listCheckpoints(run: string): Promise<readonly CheckpointMeta[]> {
    const id = checkId("run id", run);
    return this.#journal.read(id, (_, { checkpoints }) =>
      checkpoints.all.map((entry) => metaOf(id, entry)),
    );
  }

  /** The checkpoints of one node, in the order of their numbers. */
  listNodeCheckpoints(run: string, node: string): Promise<readonly CheckpointMeta[]> {
    const id = checkId("run id", run);
    return this.#journal.read(id, (_, { checkpoints: { all, byNode } }) =>
      (byNode.get(node) ?? []).map((number) => metaOf(id, all[number - 1] as CheckpointEntry)),
    );
  }

  /**
   * Appends a workflow event; its time is that of the append.
   * @returns its number: 1, 2, 3 … per run
   * @throws MillraceError `E_RUN_NOT_FOUND`, `E_OPTION_INVALID`, `E_NOT_JSON`, `E_TOO_LARGE`
   */
  async appendEvent(run: string, event: NewWorkflowEvent): Promise<number> {
    const id = checkId("run id", run);
    const name = checkText("type", event.type);
    const step = event.node === undefined ? {} : { step: checkText("node", event.node) };
    const payload = await toValue(this.#engine.store.blobs, `event ${name}`, event.payload);
    return this.#journal.amend(id, (draft, { noted }) => {
      demandRun(draft.state);
      draft.add([{ type: "user.noted", at: draft.now, name, payload, ...step }]);
      return noted.positions.length + draftedEvents(draft);
    });
  }

  /**
   * Workflow events in their order; none for an unknown run.
   * @param since number of the last event not wanted. @default 0: from the first
   * @param limit at most so many; 0 gives none. @default all
   */
  async getEvents(
    run: string,
    since: number | null = 0,
    limit: number = Number.POSITIVE_INFINITY,
  ): Promise<readonly WorkflowEvent[]> {
    const id = checkId("run id", run);
    const after = checkCount("since", since ?? 0);
    const most = limit === Number.POSITIVE_INFINITY ? limit : checkCount("limit", limit);
    const page = await this.#journal.read(id, (_, { noted }) => pageOf(noted, after, most));
    const { blobs } = this.#engine.store;
    const events = page === undefined ? [] : await readNoted(this.#engine, id, page);
    return Promise.all(
      events.map(async ({ name, at, step, payload }, index) => ({
        run: id,
        seq: after + index + 1,
        type: name,
        timestamp: at,
        node: step ?? null,
        payload: await fromValue(blobs, payload, emptyRun(id)),
      })),
    );
  }

  /**
   * Removes a run and all traces of it: events, checkpoints, blobs that only it refers to, inbox,
   * ticket, timer, and what the views know. One that is hosted somewhere is let go of there: cancel
   * it first if its steps should end in order. When it is cut short, call it again. Of a run that is not
   * driven by hand a proof stays, as `history.erase` leaves it.
   * @returns false when there was no such run
   * @throws MillraceError `E_COMMAND_REFUSED` while forks of it exist, which go back to its events
   */
  deleteRun(run: string): Promise<boolean> {
    return this.#eraser.delete(checkId("run id", run));
  }

  async #load(
    run: string,
    find: (checkpoints: Checkpoints) => CheckpointEntry | undefined,
  ): Promise<SavedCheckpoint | undefined> {
    const id = checkId("run id", run);
    const found = await this.#journal.read(id, (_, { checkpoints }) => {
      const entry = find(checkpoints);
      return entry && { entry, newest: checkpoints.newest.get(entry.node) };
    });
    if (found === undefined) return undefined;
    const { entry, newest } = found;
    const { checkpoint, position } = entry;
    const saved =
      newest?.checkpoint === checkpoint
        ? newest
        : await readSaved(this.#engine, id, position, checkpoint);
    if (saved === undefined) return undefined;
    return { ...metaOf(id, entry), state: await stateOf(this.#engine.store.blobs, id, saved) };
  }
}

/** An eraser with views of its own. */
export function eraserOf(
  engine: Engine,
  journal: Journal,
  { summaries, views = [] }: CheckpointStoreOptions,
): Eraser {
  return new Eraser(engine, journal, {
    references: new Projector(engine, blobReferences),
    summaries: summaries ?? new Projector(engine, runSummary),
    views,
  });
}

const draftedEvents = ({ events }: Draft): number =>
  events.reduce((count, event) => count + (event.type === "user.noted" ? 1 : 0), 0);

/** The greatest of ascending numbers that is not above `most`. */
function lastUpTo(numbers: readonly number[], most: number): number | undefined {
  let [low, high] = [0, numbers.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((numbers[middle] ?? 0) <= most) low = middle + 1;
    else high = middle;
  }
  return numbers[low - 1];
}
