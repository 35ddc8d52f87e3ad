/**
 * Gates at work: runs with limits ask to be let in before their first step, and are released when they
 * have ended. What is let in by somebody else's end is offered a ticket; what only time can let in gets
 * one for that time. Tickets may be lost: `tend` finds out what is missing.
 */
import {
  type Ask,
  fairKey,
  type GateCommand,
  type GateContext,
  gateContext,
} from "../../../machines/gate-data.ts";
import { carriedGate, gateTable, lanesOf, nextAdmitted, nextByTime } from "../../domain/gate.ts";
import type { RecordEvent } from "../../events/vocabulary.ts";
import { InTurn } from "../../kernel/async.ts";
import type { Engine } from "../engine.ts";
import { unattended } from "../hosting/leave.ts";
import { Ledger } from "./ledger.ts";
import type { LedgerKind } from "./ledger-log.ts";

/** Stands in the log where a run's workflow does; nobody's workflow can be called that. */
export const GATE_WORKFLOW = "millrace-gate";

/** How gates are kept. */
export const gateKind: LedgerKind<GateContext> = {
  workflow: GATE_WORKFLOW,
  table: gateTable,
  context: gateContext,
  settle: admitAll,
  carried: carriedGate,
  framesMax: 512,
};

/** Whoever can be let in is let in by whoever writes to the gate. */
function* admitAll(context: GateContext, now: number): Generator<GateCommand> {
  const lanes = lanesOf(context);
  for (;;) {
    const holder = nextAdmitted(context, lanes, now);
    if (holder === undefined) return;
    yield { type: "cmd.admit", now, holder };
  }
}

/** What a gate says to somebody who asks. */
export type Entry =
  | { readonly admitted: true }
  /** `wakeAt`: it is the next that time alone lets in, and then it must ask again. */
  | { readonly admitted: false; readonly wakeAt: number | undefined };

/** What follows from the state of a gate at one moment, found once for all who ask. */
interface Moment {
  readonly context: GateContext;
  readonly now: number;
  readonly next: ReturnType<typeof nextByTime>;
}

/** The gates, as this process sees them. */
export class Gates {
  readonly #engine: Engine;
  readonly #ledger: Ledger<GateContext, GateCommand>;
  /** Holders that ask right now: they need no ticket to hear that they are let in. */
  readonly #asking = new Map<string, number>();
  /** Starts of one key that this process puts together do not race each other. */
  readonly starts = new InTurn();
  #moment: Moment | undefined;

  constructor(engine: Engine) {
    this.#engine = engine;
    this.#ledger = new Ledger(engine, gateKind, (events, context, now) =>
      unattended(engine, { gate: context.name }, this.#tell(events, context, now)),
    );
  }

  /** Asks to be let in; asking again changes nothing. */
  async ask(gate: string, ask: Ask): Promise<Entry> {
    const { holder } = ask;
    this.#asking.set(holder, (this.#asking.get(holder) ?? 0) + 1);
    try {
      return await this.#ledger.amend(gate, {
        decide: (draft) => void draft.order({ type: "cmd.ask", now: draft.now, ...ask }),
        answer: (context, now) => this.#entry(context, holder, now),
      });
    } finally {
      const left = (this.#asking.get(holder) ?? 1) - 1;
      if (left > 0) this.#asking.set(holder, left);
      else this.#asking.delete(holder);
    }
  }

  /**
   * Makes room: these have ended, or wait no more. Those that the gate does not know change nothing.
   * Whoever can be let in is, also when there are none.
   */
  release(gate: string, holders: readonly string[]): Promise<void> {
    return this.#ledger.amend(gate, {
      decide: (draft) => {
        for (const holder of holders) {
          draft.order({ type: "cmd.release", now: draft.now, holder });
        }
      },
      answer: () => undefined,
    });
  }

  /** The run into which starts of this key are put; undefined: none. */
  gathering(gate: string, key: string): Promise<string | undefined> {
    return this.#ledger.read(gate, (context) => context.gathering[fairKey(key)]);
  }

  /** From now on starts of this key are put into `run`, unless somebody has named another one meanwhile. */
  gather(
    gate: string,
    key: string,
    { run, insteadOf }: { readonly run: string; readonly insteadOf: string | undefined },
  ): Promise<void> {
    return this.#ledger.amend(gate, {
      decide: (draft) => {
        if (draft.actor.context.gathering[fairKey(key)] !== insteadOf) return;
        draft.order({ type: "cmd.gather", now: draft.now, key, into: run });
      },
      answer: () => undefined,
    });
  }

  /** What `look` makes of the gate as it is now: copies, never parts of it. */
  look<T>(gate: string, look: (context: GateContext, now: number) => T): Promise<T> {
    return this.#ledger.read(gate, look);
  }

  /** Tickets for those whom a frame has let in, and for the one whom time will let in next. */
  async #tell(events: readonly RecordEvent[], context: GateContext, now: number): Promise<void> {
    const { queue } = this.#engine.store;
    const offers: Promise<void>[] = [];
    for (const event of events) {
      if (event.type !== "gate.admitted" || this.#asking.has(event.holder)) continue;
      const workflow = context.holders[event.holder]?.of;
      if (workflow !== undefined) offers.push(queue.offer({ workflow, run: event.holder }));
    }
    const next = this.#nextByTime(context, now);
    const workflow = context.waiting[next?.holder ?? ""]?.of;
    if (next !== undefined && workflow !== undefined && !this.#asking.has(next.holder)) {
      offers.push(queue.offer({ workflow, run: next.holder }, next.at));
    }
    await Promise.all(offers);
  }

  #entry(context: GateContext, holder: string, now: number): Entry {
    if (Object.hasOwn(context.holders, holder)) return { admitted: true };
    const next = this.#nextByTime(context, now);
    return { admitted: false, wakeAt: next?.holder === holder ? next.at : undefined };
  }

  #nextByTime(context: GateContext, now: number): Moment["next"] {
    if (Object.keys(context.times).length === 0) return undefined;
    if (this.#moment?.context !== context || this.#moment.now !== now) {
      this.#moment = { context, now, next: nextByTime(context, lanesOf(context), now) };
    }
    return this.#moment.next;
  }
}
