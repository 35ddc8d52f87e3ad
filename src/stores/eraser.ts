/** Erases runs so that what stays is always whole: a proof, and no fork of what is gone. */
import type { Engine } from "../engine/engine.ts";
import { firstFrame, forkPointOf } from "../engine/reading/history.ts";
import type { Journal } from "../engine/reading/journal.ts";
import type { Projector } from "../engine/reading/projector.ts";
import { MillraceError } from "../kernel/errors.ts";
import type { Position } from "../ports/event-log.ts";
import type { RunSummaries } from "../projections/run-summary.ts";
import { deleteTraces, type Traces } from "./delete-run.ts";
import { ERASURES, type Erasure, Erasures, type Mark } from "./erasures.ts";

/** What is recorded with an erasure. */
export interface Why {
  readonly by: string;
  readonly reason: string;
}

/** See `History.erase` and `CheckpointStore.deleteRun`. */
export class Eraser {
  readonly erasures: Erasures;
  readonly #engine: Engine;
  readonly #journal: Journal;
  readonly #traces: Traces;

  constructor(engine: Engine, journal: Journal, traces: Traces) {
    this.erasures = new Erasures(engine, journal);
    this.#engine = engine;
    this.#journal = journal;
    this.#traces = traces;
  }

  /**
   * Removes a run. Nobody can branch off one that is driven by hand: it is removed without a proof.
   * @returns false when there was no such run
   * @throws MillraceError `E_COMMAND_REFUSED`
   */
  async delete(run: string): Promise<boolean> {
    refuseRecord(run);
    const summary = (await this.#traces.summaries.current()).get(run);
    const begun = await this.erasures.marksOf(run);
    const isPlain = (summary === undefined || summary.driven) && begun.length === 0;
    if (isPlain) return this.#remove(run);
    await this.erase(run, { by: this.#engine.node, reason: "deleted" });
    return true;
  }

  /**
   * Removes a run, with a proof. May be called again, and by several at once: there is one proof.
   * @throws MillraceError `E_RUN_NOT_FOUND`, `E_COMMAND_REFUSED`, `E_RUN_CONFLICT`
   */
  async erase(run: string, why: Why): Promise<Erasure> {
    refuseRecord(run);
    const wanted = await this.#wanted(run, why);
    // First of all: nothing is erased where the proof could not be kept.
    const mark = "completedAt" in wanted ? undefined : await this.erasures.mark(wanted);
    if (mark === undefined) return (await this.erasures.proofOf(run)) ?? this.erase(run, why);
    await this.#refuseForked(mark);
    await this.#removeForks(run);
    const removed = await this.#remove(run);
    // One may have been begun before the log was gone, by somebody who died before taking it back.
    await this.#removeForks(run);
    const proof = await this.erasures.proofOf(run);
    const isAlone = (await this.erasures.marksOf(run)).length === 1;
    if (removed || proof === undefined || !isAlone) return this.erasures.complete(mark);
    // Somebody else was quicker.
    await this.erasures.withdraw(mark);
    return proof;
  }

  /** What is to be proved; the proof, if there is nothing left to be done. */
  async #wanted(run: string, { by, reason }: Why): Promise<Erasure | Omit<Erasure, "completedAt">> {
    const summary = (await this.#traces.summaries.current()).get(run);
    if (summary !== undefined) {
      const { workflow, seq: events, sum } = summary;
      return { run, workflow, events, sum, at: this.#engine.world.clock.now(), by, reason };
    }
    const [begun] = await this.erasures.marksOf(run);
    if (begun !== undefined) {
      const { completedAt: _, ...proof } = begun.proof;
      return proof;
    }
    const proof = await this.erasures.proofOf(run);
    if (proof !== undefined) return proof;
    throw new MillraceError(
      "E_RUN_NOT_FOUND",
      `there is no run ${run} in this namespace; \`millrace runs\` lists those that exist`,
      { details: { run } },
    );
  }

  #remove(run: string): Promise<boolean> {
    return deleteTraces(this.#engine, this.#journal, run, this.#traces);
  }

  /** @throws MillraceError `E_COMMAND_REFUSED` when runs go back to this one that were there before the mark */
  async #refuseForked(mark: Mark): Promise<void> {
    const { run } = mark.proof;
    const ids = await this.#forksBefore(mark);
    if (ids.length === 0) return;
    await this.erasures.withdraw(mark);
    throw new MillraceError(
      "E_COMMAND_REFUSED",
      `${ids.length} runs branched off run ${run} and need its events (${ids.slice(0, FORKS_LISTED).join(", ")}); delete them first`,
      { details: { run, forks: ids } },
    );
  }

  /** Runs that branched off before the mark; what did later gives way. */
  async #forksBefore(mark: Mark): Promise<readonly string[]> {
    const { run } = mark.proof;
    const forks = forksOf(await this.#traces.summaries.current(mark.position), run);
    if (this.#engine.store.log.partitions === 1) {
      return forks.filter(({ born }) => born < mark.position).map((fork) => fork.run);
    }
    const entered = this.erasures.enteredOf(run);
    const before = new Set<string>();
    for (const { fork, nth } of entered) {
      if (nth < mark.nth && (await isForkOf(this.#engine, fork, run))) before.add(fork);
    }
    // One that is not entered was imported, or is about to be and to give way: nobody can tell.
    const isEntered = new Set(entered.map(({ fork }) => fork));
    for (const fork of forks) if (!isEntered.has(fork.run)) before.add(fork.run);
    return [...before];
  }

  /** Those that were begun past the mark do not count, and neither do forks of them. */
  async #removeForks(run: string): Promise<void> {
    for (const fork of forksOf(await this.#traces.summaries.current(), run)) {
      await this.#removeForks(fork.run);
      await this.#remove(fork.run);
    }
  }
}

/** Whether it is there, and no other run by now. */
async function isForkOf(engine: Engine, fork: string, run: string): Promise<boolean> {
  const first = await firstFrame(engine, fork);
  return first !== undefined && forkPointOf(first.opened.frame)?.run === run;
}

const forksOf = (
  view: RunSummaries,
  run: string,
): { readonly run: string; readonly born: Position }[] =>
  [...view.values()].flatMap((one) =>
    one.forkOf?.run === run ? [{ run: one.run, born: one.born }] : [],
  );

/** In the message; the details have them all. */
const FORKS_LISTED = 5;

function refuseRecord(run: string): void {
  if (run !== ERASURES) return;
  throw new MillraceError("E_COMMAND_REFUSED", "the proofs of what was erased are not erased");
}

/**
 * A fork that was just begun stays, unless a run that it goes back to was marked to be erased before: then
 * it is taken back, before anybody hosts it.
 * @param position of its first frame; undefined: it was there before
 * @throws MillraceError `E_RUN_ERASED`
 */
export async function confirmFork(
  engine: Engine,
  {
    erasures,
    summaries,
  }: { readonly erasures: Erasures; readonly summaries: Projector<RunSummaries> },
  fork: string,
  position: Position | undefined,
): Promise<void> {
  const { store } = engine;
  const isOrdered = store.log.partitions === 1;
  const begun = await summaries.current(position);
  const of = begun.get(fork)?.forkOf?.run;
  const entered = isOrdered || of === undefined ? undefined : await erasures.enter(of, fork);
  // Of those that it goes back to some may have gone meanwhile.
  const view = entered === undefined ? begun : await summaries.current();
  // What is told of later cannot have been before it.
  const [record, born] = [view.get(ERASURES)?.position, view.get(fork)?.born];
  // Whoever erases its origin may have seen it before.
  if (born === undefined) throw taken(fork, fork);
  const origins: string[] = [];
  for (let at = view.get(fork)?.forkOf; at; at = view.get(at.run)?.forkOf) origins.push(at.run);
  for (const run of origins) {
    const [mark] = await erasures.marksOf(run, record);
    const isMarked =
      mark !== undefined && (entered === undefined ? mark.position < born : mark.nth < entered.nth);
    if (view.has(run) && !isMarked) continue;
    await store.log.erase(fork);
    throw taken(fork, run);
  }
}

const taken = (fork: string, run: string): MillraceError =>
  new MillraceError(
    "E_RUN_ERASED",
    `fork ${fork}: run ${run} is being erased; nothing branches off it, or off its forks, any more`,
    { details: { run, fork } },
  );
