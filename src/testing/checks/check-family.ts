/** The invariants between runs: parents and children, and runs that go on one for the other. */
import { type RecordedEvent, RUN_ENDS } from "../../events/vocabulary.ts";
import type { Report } from "./violation.ts";

type OfType<T extends RecordedEvent["type"]> = Extract<RecordedEvent, { readonly type: T }>;

/** I24 and I25, for the runs whose events are given. */
export class FamilyCheck {
  readonly #report: Report;
  readonly #created = new Set<string>();
  /** By child run: the request for it. */
  readonly #requests = new Map<string, OfType<"child.requested">>();
  /** By parent and step: the child run that was requested last. */
  readonly #children = new Map<string, string>();
  readonly #ends = new Map<string, RecordedEvent>();
  /** By run: who has gone on for it. */
  readonly #heirs = new Map<string, string>();

  constructor(report: Report) {
    this.#report = report;
  }

  take(event: RecordedEvent): void {
    switch (event.type) {
      case "run.created":
        this.#created.add(event.run);
        this.#begun(event);
        break;
      case "child.requested":
        this.#requests.set(event.childRun, event);
        break;
      case "step.completed":
        this.#completed(event);
        break;
    }
    if (RUN_ENDS.has(event.type)) this.#ends.set(event.run, event);
  }

  #begun(event: OfType<"run.created">): void {
    const { parent, chain } = event;
    if (chain !== undefined) this.#goesOn(event, chain.previous);
    const isFirst = chain === undefined;
    if (!isFirst || parent === undefined || !this.#created.has(parent.run)) return;
    const request = this.#requests.get(event.run);
    if (request === undefined || request.step !== parent.step) {
      this.#report("I24", event, `its parent ${parent.run} has not asked for it`);
    }
    this.#children.set(keyOf(parent.run, parent.step), event.run);
  }

  #goesOn(event: OfType<"run.created">, previous: string): void {
    const heir = this.#heirs.get(previous);
    if (heir !== undefined) this.#report("I25", event, `${heir} goes on for ${previous} already`);
    this.#heirs.set(previous, event.run);
    const end = this.#ends.get(previous);
    if (end === undefined && !this.#created.has(previous)) return;
    if (end?.type !== "run.continued" || end.next !== event.run) {
      this.#report("I25", event, `${previous} has not ended to be gone on for by it`);
    }
  }

  #completed(event: OfType<"step.completed">): void {
    const child = this.#children.get(keyOf(event.run, event.step));
    if (child === undefined) return;
    let last = child;
    for (let heir = this.#heirs.get(last); heir !== undefined; heir = this.#heirs.get(last))
      last = heir;
    if (this.#ends.get(last)?.type === "run.completed") return;
    this.#report("I24", event, `its child run ${last} has not completed`);
  }
}

const keyOf = (run: string, step: string): string => `${run}/${step}`;
