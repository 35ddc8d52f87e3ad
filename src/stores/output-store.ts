/**
 * What producers hand out while they work, kept in the log of the run they work for: mlua-swarm's
 * OutputStore. Outputs of steps (`ctx.emit`) and outputs appended here are the same events.
 *
 * A record is found by its ref, by its attempt, by who made it and by the name of the artifact; across
 * runs the newest wins. Nothing is changed once it is appended.
 */

import type { Engine } from "../engine/engine.ts";
import type { Journal } from "../engine/reading/journal.ts";
import type { Projector } from "../engine/reading/projector.ts";
import type { Draft } from "../engine/turn/draft.ts";
import { outputRef } from "../engine/values/output-ref.ts";
import type { NoteEvent, OutputContent } from "../events/vocabulary.ts";
import { MillraceError } from "../kernel/errors.ts";
import { checkId } from "../kernel/ids.ts";
import { canonicalJson, type Json } from "../kernel/json.ts";
import type { OutputIndex } from "../projections/output-index.ts";
import type { OutputEntry } from "../projections/outputs.ts";
import type { RunNotes } from "../projections/run-notes.ts";
import { beginByHand } from "./by-hand.ts";
import { type OutputEvent, toContent } from "./output-content.ts";
import { type Lineage, lineageOf } from "./output-lineage.ts";
import {
  type OutputPlace,
  type OutputRecord,
  outputNotFound,
  outputRecord,
  recordedAll,
  recordedAt,
} from "./output-records.ts";
import { type OutputStreamOptions, outputStream } from "./output-stream.ts";

/** How an output is appended. */
export interface AppendOptions {
  /**
   * Names this output among those of the same task, attempt and producer: appended again with the same
   * key, it is the same output with the same ref. @default a new output with every call
   */
  readonly key?: string;
}

type Emitted = Extract<NoteEvent, { type: "output.emitted" }>;

export class OutputStore {
  readonly #engine: Engine;
  readonly #journal: Journal;
  readonly #index: Projector<OutputIndex>;

  constructor(engine: Engine, journal: Journal, index: Projector<OutputIndex>) {
    this.#engine = engine;
    this.#journal = journal;
    this.#index = index;
  }

  /**
   * Appends an output and returns its ref once it is durable. A task that has no run yet gets one.
   * @param parentRefs what it was made from: refs that exist, of any task
   * @throws MillraceError `E_OUTPUT_SEALED` once the attempt has its final, `E_OUTPUT_NOT_FOUND` for an
   * unknown parent, `E_OUTPUT_CONFLICT` when the key was used for something else, `E_ID_INVALID`,
   * `E_OPTION_INVALID`, `E_NOT_JSON`, `E_TOO_LARGE`
   */
  async append(
    taskId: string,
    attempt: number,
    producer: string,
    event: OutputEvent,
    parentRefs: readonly string[] = [],
    { key }: AppendOptions = {},
  ): Promise<string> {
    const task = checkId("task id", taskId);
    checkAttempt(attempt);
    checkId("producer", producer);
    const content = await toContent(this.#engine.store.blobs, event);
    const parents = [...parentRefs];
    await this.#checkParents(task, parents);
    const identity = [task, attempt, producer, key ?? ""];
    const ref = outputRef(key === undefined ? this.#engine.world.ids() : canonicalJson(identity));
    const twin = await this.#journal.amend(task, (draft, notes) => {
      const known = sameRef(draft, notes, ref);
      if (known !== undefined) return known;
      if (isSealed(draft, notes, attempt)) throw sealed(task, attempt);
      beginByHand(draft, this.#engine.node);
      const emitted = { type: "output.emitted", ref, task, attempt, producer } as const;
      draft.add([{ ...emitted, at: draft.now, content, parents }]);
      return undefined;
    });
    if (twin !== undefined && !(await this.#isSame(twin, content, parents))) {
      throw conflict(ref, identity);
    }
    return ref;
  }

  /** @throws MillraceError `E_OUTPUT_NOT_FOUND` */
  get(ref: string): Promise<OutputRecord> {
    return this.#found(ref, { ref }, (index) => index.byRef.get(ref));
  }

  /**
   * The newest output of a producer, over all tasks, attempts and kinds of output.
   * @throws MillraceError `E_OUTPUT_NOT_FOUND`
   */
  getLatestByName(producer: string): Promise<OutputRecord> {
    return this.#found(producer, { producer }, (index) => index.byProducer.get(producer)?.at(-1));
  }

  /**
   * The newest artifact of this name, over all tasks or in one.
   * @throws MillraceError `E_OUTPUT_NOT_FOUND`
   */
  getLatestArtifact(name: string, options: { taskId?: string } = {}): Promise<OutputRecord> {
    const { taskId } = options;
    if (taskId !== undefined) {
      return this.#foundIn(taskId, `${taskId}/artifact ${name}`, (notes) =>
        notes.outputs.byArtifact.get(name),
      );
    }
    const what = `artifact ${name}`;
    return this.#found(what, { name }, (index) => index.byArtifact.get(name)?.at(-1));
  }

  /**
   * The newest output of a producer in one attempt of one task; never one from elsewhere.
   * @throws MillraceError `E_OUTPUT_NOT_FOUND`
   */
  getLatestByNameInRun(taskId: string, attempt: number, producer: string): Promise<OutputRecord> {
    return this.#foundIn(taskId, `${taskId}/${attempt}/${producer}`, (notes) =>
      notes.outputs.byAttempt.get(attempt)?.latest.get(producer),
    );
  }

  /**
   * The attempt's last word: what its verdict is taken from.
   * @throws MillraceError `E_OUTPUT_NOT_FOUND` as long as there is none
   */
  getFinal(taskId: string, attempt: number): Promise<OutputRecord> {
    return this.#foundIn(
      taskId,
      `${taskId}/${attempt}: no final among its outputs`,
      (notes) => notes.outputs.byAttempt.get(attempt)?.final,
    );
  }

  /** All outputs of an attempt, in their order; none for one that is not known. */
  async listForAttempt(taskId: string, attempt: number): Promise<readonly OutputRecord[]> {
    const entries = await this.#journal.read(checkId("task id", taskId), (_, { outputs }) => [
      ...(outputs.byAttempt.get(attempt)?.all ?? []),
    ]);
    const recorded = await recordedAll(this.#engine, entries);
    return Promise.all(recorded.map((output) => outputRecord(this.#engine, output)));
  }

  /**
   * What the output was made from and what was made from it, over all tasks.
   * @throws MillraceError `E_OUTPUT_NOT_FOUND`
   */
  async lineage(ref: string): Promise<Lineage> {
    const output = (await this.#index.current()).byRef.get(ref);
    if (output === undefined) throw outputNotFound(ref, { ref });
    return lineageOf(output);
  }

  /**
   * Outputs of a task as they come: first those that are there, then new ones, none lost, none twice, at
   * the reader's pace. Ends after the attempt's final (if one attempt is asked for), at the end of the
   * run, or when `signal` aborts; the task need not exist yet.
   */
  async *stream(
    taskId: string,
    options: OutputStreamOptions = {},
  ): AsyncGenerator<OutputRecord, void, undefined> {
    const run = checkId("task id", taskId);
    const { attempt } = options;
    const first =
      attempt === undefined
        ? undefined
        : await this.#journal.read(run, (_, { outputs }) => outputs.byAttempt.get(attempt)?.all[0]);
    yield* outputStream(this.#engine, run, (first?.position ?? 1) - 1, options);
  }

  /** Parents in the same run, which are most, need no look at the index of all runs. */
  async #checkParents(run: string, refs: readonly string[]): Promise<void> {
    if (refs.length === 0) return;
    const foreign = await this.#journal.read(run, (_, { outputs }) =>
      refs.filter((ref) => !outputs.byRef.has(ref)),
    );
    if (foreign.length === 0) return;
    const { byRef } = await this.#index.current();
    const unknown = foreign.find((ref) => !byRef.has(ref));
    if (unknown !== undefined) throw outputNotFound(`parent ${unknown}`, { ref: unknown });
  }

  /** @param find where to look in the index */
  async #found(
    what: string,
    details: Readonly<Record<string, unknown>>,
    find: (index: OutputIndex) => OutputPlace | undefined,
  ): Promise<OutputRecord> {
    for (let last = ""; ; ) {
      const place = find(await this.#index.current());
      // Gone again at the second look: its log is damaged, not erased.
      if (place === undefined || place.ref === last) throw outputNotFound(what, details);
      const recorded = await recordedAt(this.#engine, place);
      if (recorded !== undefined) return outputRecord(this.#engine, recorded);
      last = place.ref;
    }
  }

  async #foundIn(
    taskId: string,
    what: string,
    find: (notes: RunNotes) => OutputEntry | undefined,
  ): Promise<OutputRecord> {
    const run = checkId("task id", taskId);
    const entry = await this.#journal.read(run, (_, notes) => find(notes));
    const [recorded] = entry === undefined ? [] : await recordedAll(this.#engine, [entry]);
    if (recorded === undefined) throw outputNotFound(what, { taskId });
    return outputRecord(this.#engine, recorded);
  }

  async #isSame(
    twin: OutputEntry | Emitted,
    content: OutputContent,
    parents: readonly string[],
  ): Promise<boolean> {
    const known = "content" in twin ? twin : (await recordedAll(this.#engine, [twin]))[0];
    const told = canonicalJson([content, parents] as unknown as Json);
    return canonicalJson([known?.content, twin.parents] as unknown as Json) === told;
  }
}

/** An output of this ref, committed or decided just before in the same frame. */
const sameRef = (draft: Draft, notes: RunNotes, ref: string): OutputEntry | Emitted | undefined =>
  notes.outputs.byRef.get(ref) ?? drafted(draft).find((output) => output.ref === ref);

const isSealed = (draft: Draft, notes: RunNotes, attempt: number): boolean =>
  notes.outputs.byAttempt.get(attempt)?.final !== undefined ||
  drafted(draft).some(({ attempt: of, content }) => of === attempt && content.type === "final");

const drafted = ({ events }: Draft): readonly Emitted[] =>
  events.filter((event) => event.type === "output.emitted");

function checkAttempt(attempt: number): void {
  if (Number.isSafeInteger(attempt) && attempt >= 0) return;
  throw new MillraceError("E_OPTION_INVALID", `attempt: ${attempt} is not a whole number from 0`, {
    details: { option: "attempt" },
  });
}

const sealed = (taskId: string, attempt: number): MillraceError =>
  new MillraceError(
    "E_OUTPUT_SEALED",
    `attempt ${attempt} of task ${taskId} has its final output; nothing comes after it, use another attempt`,
    { details: { taskId, attempt } },
  );

const conflict = (
  ref: string,
  [taskId, attempt, producer, key]: readonly unknown[],
): MillraceError =>
  new MillraceError(
    "E_OUTPUT_CONFLICT",
    `key ${JSON.stringify(key)} of ${producer} in attempt ${attempt} of task ${taskId} was used for another output (${ref}); give each output its own key`,
    { details: { ref, taskId, attempt, producer } },
  );
