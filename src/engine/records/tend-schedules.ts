/**
 * Whoever claims the ticket of a schedule looks after it: takes the ticks that are due, then does what
 * is owed for them (begins runs, cancels those in the way), and gives the ticket back until the next tick.
 * A tick is recorded before its run begins, and the id of the run follows from both, so it does not matter
 * how often, by whom and from where this is done: a tick has one run.
 */
import { isDeepStrictEqual } from "node:util";
import type { OpenRun, ScheduleSpec } from "../../../machines/schedule-data.ts";
import {
  dueCommands,
  type OpenStatus,
  type Owed,
  owedBy,
  type StatusOf,
} from "../../domain/schedule-duties.ts";
import type { Claim } from "../../ports/work-queue.ts";
import { hasEnded, livesOn, type RunSummaries } from "../../projections/run-summary.ts";
import type { Workflow } from "../../workflow/definition.ts";
import type { Engine } from "../engine.ts";
import type { Catalog } from "../hosting/catalog.ts";
import type { Projector } from "../reading/projector.ts";
import { encodeInput } from "../turn/input.ts";
import { beginningOf, beginScheduled, type ScheduledBeginning } from "./begin-scheduled.ts";
import { type DueTicket, nextTicket, type ScheduleDraft, type Schedules } from "./schedules.ts";

/** What it takes to look after schedules. */
export interface TendSchedulesOptions {
  readonly engine: Engine;
  readonly catalog: Catalog;
  readonly summaries: Projector<RunSummaries>;
  readonly schedules: Schedules;
}

/** A workflow that only another process has is offered to others, and looked at again after this long. */
const FOREIGN_PAUSE_MS = 30_000;

/** A run that is past being cancelled. */
const ENDING: ReadonlySet<string> = new Set(["cancelling", "compensating"]);

/** Looks after the schedule that the ticket is for, and sees to the ticket. */
export async function tendSchedule(
  options: TendSchedulesOptions,
  name: string,
  claim: Claim,
): Promise<void> {
  const { engine, catalog, schedules } = options;
  const { ticket } = claim;
  const workflow = catalog.given(ticket.workflow);
  if (workflow === undefined) return claim.release(engine.world.clock.now() + FOREIGN_PAUSE_MS);
  const next = await new Tending(options, name, workflow, claim).tend();
  const isMine = (due: DueTicket | undefined): boolean => due?.ticket.run === ticket.run;
  if (next !== undefined && isMine(next)) await claim.release(next.at);
  else await claim.ack();
  // What it was told while the ticket was held brought none of its own.
  const now = await schedules.look(name, nextTicket);
  if (!isMine(next) || (now?.at ?? Infinity) < (next?.at ?? Infinity)) await schedules.offer(now);
}

/** One turn at one schedule. */
class Tending {
  readonly #options: TendSchedulesOptions;
  readonly #name: string;
  readonly #workflow: Workflow;
  readonly #claim: Claim;
  /** Runs that can never begin: they were erased, or the definition refuses their input. */
  readonly #void = new Set<string>();
  /** Runs that were asked to stop. */
  readonly #asked = new Set<string>();

  constructor(options: TendSchedulesOptions, name: string, workflow: Workflow, claim: Claim) {
    this.#options = options;
    this.#name = name;
    this.#workflow = workflow;
    this.#claim = claim;
  }

  /** When somebody must look at it next. */
  async tend(): Promise<DueTicket | undefined> {
    const { engine, schedules } = this.#options;
    for (;;) {
      const { spec, open, next } = await schedules.look(this.#name, (context, now) => {
        return { spec: context.spec, open: context.open, next: nextTicket(context, now) };
      });
      if (spec?.workflow !== this.#workflow.name) return next;
      const beginning = await beginningOf(engine, this.#workflow, spec);
      const statusOf = await this.#statuses(open);
      if (await this.#perform(owedBy({ open }, statusOf), spec, beginning)) continue;
      const refusal = "refusal" in beginning ? beginning.refusal : undefined;
      const turn = await schedules.write(
        this.#name,
        (draft) => takeDue(draft, spec, statusOf, refusal),
        (context, now) => ({ seen: context.open, next: nextTicket(context, now) }),
      );
      if (turn.seen.at(-1)?.run === open.at(-1)?.run) return turn.next;
    }
  }

  async #statuses(open: readonly OpenRun[]): Promise<StatusOf> {
    const view = await this.#options.summaries.current();
    const statuses = new Map(open.map(({ run }) => [run, this.#statusOf(view, run)]));
    return (run) => statuses.get(run) ?? "missing";
  }

  #statusOf(view: RunSummaries, run: string): OpenStatus {
    const summary = view.get(run);
    if (summary === undefined) return this.#void.has(run) ? "ended" : "missing";
    if (hasEnded(summary) && !livesOn(view, summary)) return "ended";
    return ENDING.has(summary.status) || this.#asked.has(run) ? "stopping" : "open";
  }

  /** False: nothing was owed. */
  async #perform(
    { begin, cancel }: Owed,
    spec: ScheduleSpec,
    how: ScheduledBeginning,
  ): Promise<boolean> {
    const { engine } = this.#options;
    for (const one of begin) {
      if (!(await beginScheduled(engine, this.#name, one, spec, how))) this.#void.add(one.run);
    }
    for (const run of cancel) await this.#stop(run);
    if (begin.length + cancel.length === 0) return false;
    await this.#claim.extend();
    return true;
  }

  async #stop(run: string): Promise<void> {
    const { engine } = this.#options;
    const { inbox, queue } = engine.store;
    this.#asked.add(run);
    const reason = "the run of a later tick is to begin";
    const by = `schedule ${this.#name}`;
    await inbox.post(run, encodeInput({ kind: "cancel", id: engine.world.ids(), by, reason }));
    await queue.offer({ workflow: this.#workflow.name, run });
  }
}

/** Takes what is due, if the schedule is still what it was when its runs were looked at. */
function takeDue(
  draft: ScheduleDraft,
  seen: ScheduleSpec,
  statusOf: StatusOf,
  refusal: string | undefined,
): void {
  const { context } = draft.actor;
  if (!isDeepStrictEqual(context.spec, seen)) return;
  for (const command of dueCommands(context, draft.now, statusOf, refusal)) draft.order(command);
}

/**
 * Gives tickets to schedules that should have one soon and may have lost it: those of workflows that are
 * known here. A ticket that is there stays. Returns how many there were.
 */
export async function restoreSchedules(
  { engine, catalog, schedules }: TendSchedulesOptions,
  aheadMs: number,
): Promise<number> {
  const now = engine.world.clock.now();
  const due = (await schedules.all((context) => nextTicket(context, now))).flatMap((next) => {
    if (next === undefined || next.at > now + aheadMs) return [];
    return catalog.given(next.ticket.workflow) === undefined ? [] : [next];
  });
  for (const next of due) await schedules.offer(next);
  return due.length;
}
