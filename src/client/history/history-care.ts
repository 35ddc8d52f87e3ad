/** What becomes of histories: archives, deletion with proof, retention. */
import type { Engine } from "../../engine/engine.ts";
import { repeat } from "../../engine/hosting/repeat.ts";
import type { Projector } from "../../engine/reading/projector.ts";
import { type Duration, millis } from "../../kernel/duration.ts";
import { isMillraceError } from "../../kernel/errors.ts";
import { checkId } from "../../kernel/ids.ts";
import type { RunSummaries, RunSummary } from "../../projections/run-summary.ts";
import type { Eraser } from "../../stores/eraser.ts";
import type { Erasure } from "../../stores/erasures.ts";
import { checkSignal } from "../following/subscribe.ts";
import { callOptions, invalidOption, wholeOption } from "../options.ts";
import { type Archive, checkExport, type ExportOptions, exportRun } from "./archive.ts";
import { type EraseOptions, eraseRun } from "./erase-run.ts";
import { type Imported, importRuns } from "./import-runs.ts";
import { checkRule, type RetentionRule, unwanted } from "./prune-runs.ts";

/** Keeps the lines of a run that is about to be erased. */
export type Archivist = (run: string, lines: AsyncIterable<string>) => Promise<void>;

/** How `retain` keeps to its rules. */
export interface RetainOptions {
  /** Gets the lines of each run before it goes: see `prune`. @default none is kept */
  readonly archive?: Archivist;
  /** @default "1h" */
  readonly every?: Duration;
  /** Ends it. */
  readonly signal?: AbortSignal;
}

/** `millrace.history`. */
export class History {
  readonly #engine: Engine;
  readonly #summaries: Projector<RunSummaries>;
  readonly #eraser: Eraser;

  constructor(engine: Engine, summaries: Projector<RunSummaries>, eraser: Eraser) {
    this.#engine = engine;
    this.#summaries = summaries;
    this.#eraser = eraser;
  }

  get #archive(): Archive {
    return { engine: this.#engine, summaries: this.#summaries };
  }

  /**
   * The run as lines of JSON (without line ends), with its large values, the runs that it branched off, and
   * those that it waits for.
   * Values that live on a node only (`durability: "node"`) are not in it.
   * @throws MillraceError `E_ID_INVALID`, `E_OPTION_INVALID`, at once; in the iteration `E_RUN_NOT_FOUND`,
   * `E_FRAME_INVALID`; `E_STORE_MISSING` when a large value is gone
   */
  export(run: string, options: ExportOptions = {}): AsyncIterable<string> {
    return exportRun(this.#archive, checkId("run id", run), checkExport(options));
  }

  /**
   * Takes up exported runs: the same ids, events, times and values, in the same state. One that has not
   * ended goes on here; see that it does not also go on where it came from.
   * @throws MillraceError `E_ARCHIVE_INVALID`, `E_RUN_CONFLICT`, `E_RUN_ERASED`
   */
  async import(lines: AsyncIterable<string> | Iterable<string>): Promise<readonly Imported[]> {
    const imported: Imported[] = [];
    for await (const run of importRuns(this.#engine, lines)) imported.push(run);
    return imported;
  }

  /**
   * Erases the run and every trace of it, and records that it did, without anything of what the run held.
   * What was cut short is ended by calling it again, and whoever erases what is gone gets the proof of that.
   * @throws MillraceError `E_RUN_NOT_FOUND`, `E_OPTION_INVALID`; `E_COMMAND_REFUSED` while forks of it exist
   */
  erase(run: string, options: EraseOptions = {}): Promise<Erasure> {
    return eraseRun(this.#engine, this.#eraser, run, options);
  }

  /** What was erased, the oldest first; then what is to be and is not yet. @param since how many to leave out */
  async erasures(since = 0): Promise<readonly Erasure[]> {
    wholeOption("since", since, 0);
    return (await this.#eraser.erasures.all()).slice(since);
  }

  /**
   * The runs that a rule does not want any more, the oldest first: to be archived, erased, or looked at.
   * Runs that others branched off, that a living run goes on for, or whose end a living parent does not know
   * yet, are always wanted.
   * @throws MillraceError `E_OPTION_INVALID`, `E_ID_INVALID`
   */
  async unwanted(rule: RetentionRule): Promise<readonly RunSummary[]> {
    return unwanted(this.#engine, this.#summaries, checkRule(rule));
  }

  /**
   * Erases the runs that a rule does not want any more, with a proof each; returns how many. `archive`
   * gets the lines of each first: what it throws ends the call, and that run stays. One that is gone by then,
   * or that somebody has branched off, is left out.
   * @throws MillraceError `E_OPTION_INVALID`, `E_ID_INVALID`
   */
  async prune(rule: RetentionRule, archive?: Archivist): Promise<number> {
    let erased = 0;
    for (const { run } of await this.unwanted(rule)) {
      if (await this.#isWanted(run)) continue;
      try {
        await archive?.(run, this.export(run, { children: false }));
        await this.erase(run, { reason: "retention" });
        erased++;
      } catch (error) {
        const isRefused =
          isMillraceError(error, "E_RUN_NOT_FOUND") || isMillraceError(error, "E_COMMAND_REFUSED");
        if (!isRefused || !(await this.#isWanted(run))) throw error;
      }
    }
    return erased;
  }

  /**
   * Prunes by these rules now, and then again and again, until `signal` aborts or the store is closed. What
   * fails is logged and tried again. Several processes may do so at once.
   * @throws MillraceError `E_OPTION_INVALID`, `E_ID_INVALID`, at once
   */
  retain(rules: readonly RetentionRule[], options: RetainOptions = {}): Promise<void> {
    const given = callOptions("retain()", options, ["archive", "every", "signal"]);
    const { every = "1h", signal = new AbortController().signal } = given;
    if (!Array.isArray(rules) || rules.length === 0) {
      throw invalidOption("rules", "must be a list of rules, not empty");
    }
    for (const rule of rules) checkRule(rule);
    checkSignal(signal);
    const everyMs = millis("every", every);
    if (everyMs === 0) throw invalidOption("every", "must be above zero");
    return repeat(this.#engine, everyMs, signal, async () => {
      for (const rule of rules) await this.prune(rule, given.archive);
    });
  }

  /** It went away, or became the origin of a fork, since it was found. */
  async #isWanted(run: string): Promise<boolean> {
    const view = await this.#summaries.current();
    return !view.has(run) || [...view.values()].some(({ forkOf }) => forkOf?.run === run);
  }
}
