/** The invariants of outputs, over all runs of a log: an output may be made from those of other runs. */
import type { RecordedEvent } from "../../events/vocabulary.ts";
import type { Report } from "./violation.ts";

type Emitted = Extract<RecordedEvent, { type: "output.emitted" }>;

/** I16. Outputs from outside the log may be named as parents. */
export class OutputCheck {
  readonly #report: Report;
  readonly #emitted = new Map<string, Emitted>();
  /** Parents that were not there when they were named, and by which output. */
  readonly #unknown = new Map<string, Emitted>();

  constructor(report: Report) {
    this.#report = report;
  }

  take(event: RecordedEvent): void {
    if (event.type !== "output.emitted") return;
    if (this.#emitted.has(event.ref)) this.#report("I16", event, `${event.ref} is there twice`);
    for (const parent of event.parents) {
      if (!this.#emitted.has(parent)) this.#unknown.set(parent, event);
    }
    this.#emitted.set(event.ref, event);
  }

  /** Nothing more comes. */
  end(): void {
    for (const [parent, event] of this.#unknown) {
      if (!this.#emitted.has(parent)) continue;
      this.#report("I16", event, `${event.ref} is made from ${parent}, which came later`);
    }
  }
}
