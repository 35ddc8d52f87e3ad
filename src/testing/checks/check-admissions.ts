/** What holds of runs that are held back, told from their own events: I23, and I26 once more. */
import type { Admission } from "../../../machines/gate-data.ts";
import { type RecordedEvent, RUN_ENDS } from "../../events/vocabulary.ts";
import type { Report } from "./violation.ts";

interface Seen {
  admission: Admission | undefined;
  notBefore: number | undefined;
  admitted: boolean;
}

/** I23 and I26, over all runs. */
export class AdmissionCheck {
  readonly #report: Report;
  readonly #runs = new Map<string, Seen>();
  /** By limit and key: the runs that are at work, and the greatest number that one of them came with. */
  readonly #atWork = new Map<string, { readonly runs: Set<string>; most: number }>();

  constructor(report: Report) {
    this.#report = report;
  }

  take(event: RecordedEvent): void {
    if (event.type === "run.created") {
      const { admission, notBefore } = event;
      if (admission !== undefined || notBefore !== undefined) {
        this.#runs.set(event.run, { admission, notBefore, admitted: false });
      }
      return;
    }
    if (event.type === "run.planned" && event.admission !== undefined) {
      const seen = this.#runs.get(event.run);
      const { notBefore } = seen ?? { notBefore: undefined };
      this.#runs.set(event.run, { admission: event.admission, notBefore, admitted: false });
    }
    const seen = this.#runs.get(event.run);
    if (seen === undefined) return;
    if (event.type === "run.gathered") seen.notBefore = event.notBefore;
    else if (event.type === "run.admitted") this.#admit(event, seen);
    else if (RUN_ENDS.has(event.type)) this.#end(event, seen);
    else if (event.type.startsWith("step.started") && !seen.admitted) {
      this.#report("I23", event, `${event.type} before the run was let in`);
    }
  }

  #admit(event: RecordedEvent, seen: Seen): void {
    seen.admitted = true;
    if (event.at < (seen.notBefore ?? 0)) {
      this.#report("I23", event, `it is let in at ${event.at}, not before ${seen.notBefore}`);
    }
    for (const { name, key, limit, perMs } of seen.admission?.limits ?? []) {
      if (perMs !== undefined) continue;
      const place = `${seen.admission?.gate} ${name}:${key}`;
      const there = this.#atWork.get(place) ?? { runs: new Set(), most: 0 };
      this.#atWork.set(place, there);
      there.runs.add(event.run);
      there.most = Math.max(there.most, limit);
      if (there.runs.size > there.most) {
        this.#report("I26", event, `number ${there.runs.size} of ${there.most} at ${place}`);
      }
    }
  }

  #end(event: RecordedEvent, { admission }: Seen): void {
    for (const { name, key } of admission?.limits ?? []) {
      this.#atWork.get(`${admission?.gate} ${name}:${key}`)?.runs.delete(event.run);
    }
  }
}
