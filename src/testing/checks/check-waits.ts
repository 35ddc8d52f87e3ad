/** The invariants of timers, signals and waits of one run, checked without the machines. */
import { type ApprovalRequest, mayDecide } from "../../../machines/approval.ts";
import type { RecordedEvent } from "../../events/vocabulary.ts";
import type { Report } from "./violation.ts";

type Received = Extract<RecordedEvent, { type: "signal.received" }>;

interface Seen {
  readonly name: string;
  readonly due: number | null;
  readonly approval: ApprovalRequest | undefined;
  ended: boolean;
}

/** I20, I21 and I22. */
export class WaitCheck {
  readonly #report: Report;
  /** When each timer is due; NaN: it is over. */
  readonly #timers = new Map<string, number>();
  readonly #signals = new Map<string, Received>();
  readonly #waits = new Map<string, Seen>();
  /** Signals that a wait has got, or that were refused. */
  readonly #used = new Set<string>();

  constructor(report: Report) {
    this.#report = report;
  }

  /** What a fork takes over: all but what the steps in `reset` waited for. */
  inherited(report: Report, reset: readonly string[]): WaitCheck {
    const fork = new WaitCheck(report);
    for (const [timer, due] of this.#timers) {
      if (!reset.includes(timer)) fork.#timers.set(timer, due);
    }
    for (const [wait, seen] of this.#waits) {
      if (!reset.includes(wait)) fork.#waits.set(wait, { ...seen });
    }
    for (const [signal, received] of this.#signals) fork.#signals.set(signal, received);
    for (const signal of this.#used) fork.#used.add(signal);
    return fork;
  }

  take(event: RecordedEvent): void {
    switch (event.type) {
      case "timer.set":
        if (this.#timers.has(event.timer))
          this.#report("I20", event, `${event.timer} is set again`);
        this.#timers.set(event.timer, event.due);
        break;
      case "timer.fired":
      case "timer.cancelled":
        this.#endTimer(event);
        break;
      case "signal.received":
        if (this.#signals.has(event.signal)) {
          this.#report("I21", event, `signal ${event.signal} is taken again`);
        }
        this.#signals.set(event.signal, event);
        break;
      case "signal.refused":
        this.#use(event, event.signal);
        break;
      case "wait.opened": {
        const { wait, name, due, approval } = event;
        if (this.#waits.has(wait)) this.#report("I22", event, `${wait} is opened again`);
        this.#waits.set(wait, { name, due, approval, ended: false });
        break;
      }
      case "wait.matched":
      case "wait.expired":
      case "wait.cancelled":
        this.#endWait(event);
    }
  }

  #endTimer(event: RecordedEvent & { readonly timer: string }): void {
    const due = this.#timers.get(event.timer);
    this.#timers.set(event.timer, Number.NaN);
    const early = event.type === "timer.fired" && event.at < (due ?? Number.NaN);
    if (due === undefined || Number.isNaN(due) || early) {
      this.#report("I20", event, `${event.timer} ends at ${event.at}, due ${due ?? "never"}`);
    }
  }

  #endWait(event: Extract<RecordedEvent, { readonly wait: string }>): void {
    const wait = this.#waits.get(event.wait);
    if (wait === undefined || wait.ended) {
      this.#report("I22", event, `${event.wait} is not open`);
      return;
    }
    wait.ended = true;
    if (event.type === "wait.expired" && !(wait.due !== null && event.at >= wait.due)) {
      this.#report(
        "I22",
        event,
        `${event.wait} expires at ${event.at}, due ${wait.due ?? "never"}`,
      );
    }
    if (event.type !== "wait.matched") return;
    this.#use(event, event.signal);
    const { name, decision } = this.#signals.get(event.signal) ?? {};
    const fits =
      wait.approval === undefined
        ? decision === undefined
        : decision !== undefined && mayDecide(wait.approval, decision);
    if (name !== wait.name || !fits) {
      this.#report("I22", event, `signal ${event.signal} does not fit ${event.wait}`);
    }
  }

  /** What becomes of a signal is decided once. */
  #use(event: RecordedEvent, signal: string): void {
    if (!this.#signals.has(signal) || this.#used.has(signal)) {
      this.#report("I21", event, `signal ${signal} was not there to be had`);
    }
    this.#used.add(signal);
  }
}
