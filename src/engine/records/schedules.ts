/**
 * Schedules at work: each is a record in the log that any process may write to. When it is due next it
 * has a ticket, under the name of its workflow, so that only who has the code starts its runs: the plan
 * of a run is that of the process that starts it. Tickets may be lost: `tend-schedules` mends that.
 */
import {
  type ScheduleCommand,
  type ScheduleContext,
  type ScheduleSpec,
  scheduleContext,
} from "../../../machines/schedule-data.ts";
import { dueAt, SCHEDULE_WORKFLOW, scheduleTable } from "../../domain/schedule.ts";
import { digest } from "../../kernel/json.ts";
import type { Ticket } from "../../ports/work-queue.ts";
import { type ScheduleList, scheduleList } from "../../projections/schedule-list.ts";
import type { Engine } from "../engine.ts";
import { Projector } from "../reading/projector.ts";
import { Ledger, type LedgerDraft } from "./ledger.ts";
import type { LedgerKind } from "./ledger-log.ts";

/** How schedules are kept. */
export const scheduleKind: LedgerKind<ScheduleContext> = {
  workflow: SCHEDULE_WORKFLOW,
  table: scheduleTable,
  context: scheduleContext,
  carried: (context) => ({ ...context }),
  framesMax: 128,
};

const PREFIX = `${SCHEDULE_WORKFLOW}-`;
/** Tells the tickets of a schedule apart whose workflow was changed: a queue has one ticket per id. */
const MARK_CHARS = 8;

const markOf = (workflow: string): string => `--${digest(workflow).slice(0, MARK_CHARS)}`;

/** What is offered for a schedule when it is due. */
export const scheduleTicket = (
  name: string,
  { workflow }: Pick<ScheduleSpec, "workflow">,
): Ticket => ({
  workflow,
  run: `${PREFIX}${name}${markOf(workflow)}`,
});

/** The schedule that a ticket is for; undefined: it is for a run. */
export const scheduleOfTicket = ({ run, workflow }: Ticket): string | undefined =>
  run.startsWith(PREFIX) ? run.slice(PREFIX.length, -markOf(workflow).length) : undefined;

/** A schedule that is to be written to: its state, and commands to it. */
export type ScheduleDraft = LedgerDraft<ScheduleContext, ScheduleCommand>;

/** The schedules, as this process sees them. */
export class Schedules {
  readonly #engine: Engine;
  readonly #ledger: Ledger<ScheduleContext, ScheduleCommand>;
  readonly #list: Projector<ScheduleList>;

  constructor(engine: Engine) {
    this.#engine = engine;
    this.#ledger = new Ledger(engine, scheduleKind);
    this.#list = new Projector(engine, scheduleList);
  }

  /** What `look` makes of every schedule that is not deleted, in the order of their names. */
  async all<T>(look: (context: ScheduleContext) => T): Promise<readonly T[]> {
    const contexts = [...(await this.#list.current()).values()].map(({ context }) => context);
    return contexts
      .filter(({ spec }) => spec !== null)
      .sort((one, other) => (one.name < other.name ? -1 : 1))
      .map(look);
  }

  /** What `look` makes of the schedule as it is now: copies, never parts of it. */
  look<T>(name: string, look: (context: ScheduleContext, now: number) => T): Promise<T> {
    return this.#ledger.read(name, look);
  }

  /** Writes what `decide` adds, and nothing else: who looks after the schedule sees to its ticket. */
  write<T>(
    name: string,
    decide: (draft: ScheduleDraft) => void,
    answer: (context: ScheduleContext, now: number) => T,
  ): Promise<T> {
    return this.#ledger.amend(name, { decide, answer });
  }

  /** Writes what `decide` adds, and has somebody look after the schedule when it is due. */
  async tell<T>(
    name: string,
    decide: (draft: ScheduleDraft) => void,
    answer: (context: ScheduleContext, now: number) => T,
  ): Promise<T> {
    const { told, due } = await this.write(name, decide, (context, now) => {
      return { told: answer(context, now), due: nextTicket(context, now) };
    });
    await this.offer(due);
    return told;
  }

  /** A ticket for the time at which the schedule is due, if it is. */
  async offer(due: DueTicket | undefined): Promise<void> {
    if (due !== undefined) await this.#engine.store.queue.offer(due.ticket, due.at);
  }
}

/** A ticket, and from when on it can be claimed. */
export interface DueTicket {
  readonly ticket: Ticket;
  readonly at: number;
}

/** The ticket that the schedule needs; undefined: it is not due before it is told something. */
export function nextTicket(context: ScheduleContext, now: number): DueTicket | undefined {
  const { name, spec } = context;
  const at = dueAt(context, now);
  return at === undefined || spec === null ? undefined : { ticket: scheduleTicket(name, spec), at };
}
