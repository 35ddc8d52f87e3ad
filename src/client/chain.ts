/** The frames of one run as they are followed: none may be missing between two. */
import { NO_PREVIOUS, type Opened } from "../events/frame.ts";
import { MillraceError } from "../kernel/errors.ts";

export class Chain {
  readonly #run: string;
  /** Of the frame before; undefined: not known. */
  #last: { readonly sum: string; readonly seq: number } | undefined;

  /** @param fromStart whether the first frame to come is the run's first */
  constructor(run: string, fromStart: boolean) {
    this.#run = run;
    this.#last = fromStart ? { sum: NO_PREVIOUS, seq: 0 } : undefined;
  }

  /** @throws MillraceError `E_LOG_CORRUPT` when this frame does not follow the one before it */
  follow({ frame, prev, sum }: Opened): void {
    // A run that was erased may have begun anew.
    const begins = prev === NO_PREVIOUS && frame.seq === 1;
    const last = this.#last ?? { sum: prev, seq: frame.seq - 1 };
    if (!begins && (prev !== last.sum || frame.seq !== last.seq + 1)) {
      throw new MillraceError(
        "E_LOG_CORRUPT",
        `run ${this.#run}, after event ${last.seq}: a frame is missing or changed. Restore the log from a backup, or erase the run`,
        { details: { run: this.#run, seq: last.seq } },
      );
    }
    this.#last = { sum, seq: frame.seq + frame.events.length - 1 };
  }
}
