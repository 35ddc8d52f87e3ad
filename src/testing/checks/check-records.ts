/** The invariants of records beside runs: gates and schedules. */
import type { GateEvent, Limit } from "../../../machines/gate-data.ts";
import type { ScheduleEvent } from "../../../machines/schedule-data.ts";
import { gateTable } from "../../domain/gate.ts";
import { scheduleTable } from "../../domain/schedule.ts";
import type { RecordedEvent } from "../../events/vocabulary.ts";
import { gateSubject, scheduleSubject } from "../arbitraries/subjects.ts";
import type { Report } from "./violation.ts";

/** I3, I7, I9 of one generation of a record, and what holds of its kind. */
export class RecordCheck {
  readonly #report: Report;
  readonly #kind: ReturnType<typeof gateKind> | ReturnType<typeof scheduleKind>;
  #seq = 0;
  #position = 0;
  #illegal = false;

  constructor(workflow: string, report: Report) {
    this.#report = report;
    this.#kind = workflow.endsWith("schedule") ? scheduleKind(report) : gateKind(report);
  }

  take(event: RecordedEvent): void {
    if (event.seq !== this.#seq + 1) this.#report("I3", event, `it follows seq ${this.#seq}`);
    if (event.position < this.#position) this.#report("I9", event, "its position goes back");
    this.#seq = event.seq;
    this.#position = event.position;
    this.#kind.take(event);
    if (!this.#illegal && !this.#kind.moves(event as never)) {
      this.#illegal = true;
      this.#report("I7", event, `${event.type} is not possible then`);
    }
  }
}

function gateKind(report: Report) {
  const actor = gateTable.create(gateSubject.fresh());
  const count = new GateCount(report);
  return {
    moves: (event: GateEvent) => gateTable.evolve(actor, event).ok,
    take: (event: RecordedEvent) => count.take(event),
  };
}

/** I26, counted without the machine. */
class GateCount {
  readonly #report: Report;
  readonly #asks = new Map<string, readonly Limit[]>();
  readonly #holders = new Map<string, readonly Limit[]>();
  readonly #times = new Map<string, number[]>();
  /** The greatest number that somebody came with: limits may be lowered while runs are at work. */
  readonly #most = new Map<string, number>();

  constructor(report: Report) {
    this.#report = report;
  }

  take(event: RecordedEvent): void {
    switch (event.type) {
      case "gate.asked":
        this.#asks.set(event.holder, event.limits);
        for (const limit of event.limits) {
          this.#most.set(limit.name, Math.max(limit.limit, this.#most.get(limit.name) ?? 0));
        }
        break;
      case "gate.admitted":
        this.#admit(event);
        break;
      case "gate.released":
        this.#asks.delete(event.holder);
        this.#holders.delete(event.holder);
        break;
    }
  }

  #admit(event: Extract<RecordedEvent, { type: "gate.admitted" }>): void {
    const limits = this.#asks.get(event.holder);
    // What a generation carried over is the machine's to know.
    if (limits === undefined) return;
    this.#holders.set(event.holder, limits);
    for (const limit of limits) {
      const used = limit.perMs === undefined ? this.#atOnce(limit) : this.#within(limit, event.at);
      const most = this.#most.get(limit.name) ?? 0;
      if (used <= most) continue;
      const what = `${event.holder} is number ${used} of ${most} (${limit.name} ${limit.key})`;
      this.#report("I26", event, what);
    }
  }

  #atOnce({ name, key }: Limit): number {
    const all = [...this.#holders.values()].flat();
    return all.filter((limit) => limit.name === name && limit.key === key).length;
  }

  #within({ name, key, perMs = 0 }: Limit, at: number): number {
    const times = this.#times.get(`${name}:${key}`) ?? [];
    times.push(at);
    this.#times.set(`${name}:${key}`, times);
    return times.filter((time) => Math.abs(at - time) < perMs).length;
  }
}

/** I27: ticks of its own are taken in order, each once. */
function scheduleKind(report: Report) {
  const actor = scheduleTable.create(scheduleSubject.fresh());
  const runs = new Set<string>();
  let last = Number.NEGATIVE_INFINITY;
  return {
    moves: (event: ScheduleEvent) => scheduleTable.evolve(actor, event).ok,
    take(event: RecordedEvent) {
      if (event.type !== "schedule.ticked" && event.type !== "schedule.skipped") return;
      if (event.type === "schedule.ticked") {
        const { started } = event;
        if (runs.has(started)) report("I27", event, `${started} is started again`);
        runs.add(started);
      }
      if (event.order !== undefined) return;
      if (event.tick <= last) report("I27", event, `tick ${event.tick} follows ${last}`);
      last = event.tick;
    },
  };
}
