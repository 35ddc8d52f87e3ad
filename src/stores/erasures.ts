/**
 * What is known of erasing: a record in the log, which holds nothing of what the runs held. A run that is to
 * be erased is marked here before anything of it goes, and the mark becomes the proof when all of it is gone.
 *
 *   erasing ──> run-erased        the proof; closes every mark that the run has
 *      └──────> erasing-withdrawn
 *
 * A log of one partition has one order: a fork whose first frame lies past a mark of a run that it goes back to
 * does not count, and one that lies before it keeps the run. Where there are several partitions, this record
 * makes the order: a fork is entered here as well, once its first frame is in the log, and what counts is
 * whether that was before the mark. So of a fork and an erasure one always wins.
 */
import { emptyRun } from "../domain/state.ts";
import type { Engine } from "../engine/engine.ts";
import type { Journal } from "../engine/reading/journal.ts";
import { fromValue, toValue } from "../engine/values/values.ts";
import { openFrame } from "../events/frame.ts";
import { pause } from "../kernel/clock.ts";
import { MillraceError } from "../kernel/errors.ts";
import type { Position } from "../ports/event-log.ts";
import { beginDriven } from "./driven-run.ts";

/** The run in whose log this stands. */
export const ERASURES = "millrace-erasures";

/** The proof that a run was erased. */
export interface Erasure {
  readonly run: string;
  readonly workflow: string;
  /** How many events it had, and the sum of its last frame: what it was, to whoever has a copy. */
  readonly events: number;
  readonly sum: string;
  /** When it was asked for (ms since the epoch). */
  readonly at: number;
  readonly by: string;
  readonly reason: string;
  /** When all of it was gone; null: it was begun, and whoever erases the run again ends it. */
  readonly completedAt: number | null;
}

/** A run that is being erased. */
export interface Mark {
  readonly id: string;
  readonly position: Position;
  /** Its place in this record. */
  readonly nth: number;
  readonly proof: Erasure;
}

/** A fork, as it was entered here: only where the log has several partitions. */
export interface EnteredFork {
  readonly fork: string;
  readonly nth: number;
}

/** Between two questions to a log that is behind (ms). */
const BEHIND_MS = 20;

type Recorded = Omit<Erasure, "completedAt"> & {
  readonly erasure?: string;
  readonly fork?: string;
};

/** The record as this process knows it. */
export class Erasures {
  readonly #engine: Engine;
  readonly #journal: Journal;
  /** Marks that are neither withdrawn nor proofs, by run, the oldest first. */
  readonly #open = new Map<string, Mark[]>();
  readonly #proofs: Erasure[] = [];
  /** By the run that they branched off, the oldest first. */
  readonly #forks = new Map<string, EnteredFork[]>();
  /** How much has been read. */
  #count = 0;
  #upTo: Position = 0;
  #reading: Promise<void> | undefined;

  constructor(engine: Engine, journal: Journal) {
    this.#engine = engine;
    this.#journal = journal;
  }

  /** Proofs in their order, then what was begun and has not ended. */
  async all(): Promise<readonly Erasure[]> {
    await this.#read();
    const begun = [...this.#open.values()].flatMap(([mark]) =>
      mark === undefined ? [] : mark.proof,
    );
    return [...this.#proofs, ...begun];
  }

  /** The last proof that the run was erased. */
  async proofOf(run: string): Promise<Erasure | undefined> {
    await this.#read();
    return this.#proofs.findLast((proof) => proof.run === run);
  }

  /**
   * The marks of a run that are in force, the oldest first.
   * @param atLeast a position up to which the record is known to go: a replica of the log may not be so far yet
   */
  async marksOf(run: string, atLeast: Position = 0): Promise<readonly Mark[]> {
    for (;;) {
      await this.#read();
      if (this.#upTo >= atLeast) return this.#open.get(run) ?? [];
      await pause(this.#engine.world.clock, BEHIND_MS);
    }
  }

  /**
   * Says that the run is to be erased. Undefined when somebody else has erased it meanwhile.
   * @throws MillraceError `E_RUN_CONFLICT` when the record's id is taken by a run
   */
  async mark(proof: Omit<Erasure, "completedAt">): Promise<Mark | undefined> {
    await beginDriven(this.#journal, this.#engine, ERASURES, { workflow: ERASURES });
    const erasure = this.#engine.world.ids();
    const position = await this.#record("erasing", { ...proof, erasure });
    return (await this.marksOf(proof.run, position)).find(({ id }) => id === erasure);
  }

  /**
   * Enters a fork of the run. It is in the log by now, so whoever marks the run later finds it here, and
   * whoever marked it before is found by the fork. Entering it again changes nothing.
   * @throws MillraceError `E_RUN_CONFLICT` when the record's id is taken by a run
   */
  async enter(run: string, fork: string): Promise<EnteredFork> {
    await this.#read();
    const find = () => this.enteredOf(run).find((one) => one.fork === fork);
    if (find() === undefined) {
      await beginDriven(this.#journal, this.#engine, ERASURES, { workflow: ERASURES });
      await this.marksOf(run, await this.#record("fork-begun", { run, fork }));
    }
    const entered = find();
    if (entered !== undefined) return entered;
    throw new MillraceError(
      "E_LOG_CORRUPT",
      `the record ${ERASURES} lacks what was just written to it; restore the log from a backup`,
      { details: { run, fork } },
    );
  }

  /** The forks of the run that were entered, as far as the record was read for its last mark. */
  enteredOf(run: string): readonly EnteredFork[] {
    return this.#forks.get(run) ?? [];
  }

  /** Nothing comes of it. */
  async withdraw({ id, proof: { run } }: Mark): Promise<void> {
    await this.#record("erasing-withdrawn", { run, erasure: id });
  }

  /** All of the run is gone. */
  async complete({ id, proof }: Mark): Promise<Erasure> {
    const { completedAt: _, ...rest } = proof;
    const position = await this.#record("run-erased", { ...rest, erasure: id });
    await this.marksOf(proof.run, position);
    return (await this.proofOf(proof.run)) ?? proof;
  }

  /** The position up to which the record goes then. */
  async #record(name: string, content: object): Promise<Position> {
    const payload = await toValue(this.#engine.store.blobs, name, content);
    await this.#journal.amend(ERASURES, (draft) => {
      draft.add([{ type: "user.noted", at: draft.now, name, payload }]);
    });
    return this.#journal.read(ERASURES, ({ cursor }) => cursor.head);
  }

  /** One reading at a time; who comes meanwhile may have written what it does not see. */
  async #read(): Promise<void> {
    const before = this.#reading;
    this.#reading = this.#readBehind(before);
    await this.#reading;
  }

  async #readBehind(before: Promise<void> | undefined): Promise<void> {
    // What that reading met is told to those who asked for it.
    if (before !== undefined) await Promise.allSettled([before]);
    await this.#readNew();
  }

  async #readNew(): Promise<void> {
    const { store, codecs } = this.#engine;
    for await (const { bytes, position } of store.log.read({ run: ERASURES, after: this.#upTo })) {
      for (const event of openFrame(ERASURES, bytes, codecs).frame.events) {
        if (event.type !== "user.noted") continue;
        const payload = await fromValue(store.blobs, event.payload, emptyRun(ERASURES));
        this.#fold(event.name, payload as unknown as Recorded, position, event.at);
      }
      this.#upTo = position;
    }
  }

  #fold(type: string, recorded: Recorded, position: Position, at: number): void {
    const { erasure: id, fork, ...proof } = recorded;
    const { run } = proof;
    const open = this.#open.get(run) ?? [];
    const nth = ++this.#count;
    if (type === "fork-begun" && fork !== undefined) {
      this.#forks.set(run, [...this.enteredOf(run), { fork, nth }]);
    }
    if (type === "erasing" && id !== undefined) {
      const mark = { id, position, nth, proof: { ...proof, completedAt: null } };
      this.#open.set(run, [...open, mark]);
    }
    if (type === "erasing-withdrawn") {
      const left = open.filter((mark) => mark.id !== id);
      if (left.length > 0) this.#open.set(run, left);
      else this.#open.delete(run);
    }
    if (type === "run-erased") {
      // Of two who erased it at once only the first has anything to prove. Records without marks are older.
      if (id !== undefined && !open.some((mark) => mark.id === id)) return;
      this.#proofs.push({ ...(open[0]?.proof ?? proof), completedAt: at });
      this.#open.delete(run);
    }
  }
}
