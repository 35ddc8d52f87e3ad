/**
 * What a claimed ticket comes to, before anything of its run is hosted: a run to host here, or a ticket
 * that goes again, because the run has ended, waits on, or is for somebody else, or because it was a
 * schedule's.
 */
import { isHeldBack } from "../../domain/admission.ts";
import { isDriven, isParked, isTerminal, type RunState } from "../../domain/state.ts";
import type { Claim, Ticket } from "../../ports/work-queue.ts";
import type { Workflow } from "../../workflow/definition.ts";
import { loadClaimed, loadRun } from "../reading/history.ts";
import { type Schedules, scheduleOfTicket } from "../records/schedules.ts";
import type { TendOptions } from "../records/tend-gates.ts";
import { tendSchedule } from "../records/tend-schedules.ts";
import { collectForRun } from "../turn/correlated.ts";
import type { Catalog } from "./catalog.ts";
import { Door } from "./door.ts";
import { ForeignRuns, type ForeignRunsOptions } from "./foreign-runs.ts";
import { leaveEndedAgain, leaveIfParked } from "./leave.ts";

/** What it takes to receive runs. */
export interface ReceptionOptions extends TendOptions, ForeignRunsOptions {
  readonly catalog: Catalog;
  readonly schedules: Schedules;
  /** When this process began (ms since the epoch). */
  startedAt(): number;
}

/** A run to be hosted. */
export interface Guest {
  readonly state: RunState;
  readonly workflow: Workflow;
  /** It was held back and may begin now. */
  readonly admitted: boolean;
}

export class Reception {
  readonly #options: ReceptionOptions;
  readonly #door: Door;
  readonly #foreign: ForeignRuns;

  constructor(options: ReceptionOptions) {
    this.#options = options;
    this.#door = new Door(options);
    this.#foreign = new ForeignRuns(options);
  }

  /** Undefined: there is nothing to host, and the ticket was seen to. */
  async receive(
    claim: Claim,
    hint: Ticket["hint"],
    isOpen: () => boolean,
  ): Promise<Guest | undefined> {
    const { engine, catalog, gates, surroundings } = this.#options;
    const { run, workflow: name } = claim.ticket;
    const schedule = scheduleOfTicket(claim.ticket);
    if (schedule !== undefined) return gone(tendSchedule(this.#options, schedule, claim));
    const state = await this.#load(claim, hint);
    if (!isOpen()) return gone(claim.release());
    // A run that was erased, or is driven by hand, is nobody's to host.
    if (state.cursor.seq === 0) await gates.release(name, [run]);
    if (state.cursor.seq === 0 || isDriven(state)) return gone(claim.ack());
    // Whoever imports it offers a ticket when all of it is there.
    if (state.cursor.partial) return gone(claim.ack());
    if (isTerminal(state)) return gone(leaveEndedAgain(engine, claim, state, surroundings));
    await collectForRun(engine, state);
    const workflow = catalog.codeFor(state);
    if (workflow === undefined) return gone(this.#foreign.leave(claim, state));
    const passage = await this.#door.pass(state, claim);
    if (passage === "left") return undefined;
    const isHeld = isHeldBack(state);
    // A ticket that came too early, or twice.
    const mayWait = isParked(state) && !isHeld;
    if (mayWait && (await leaveIfParked(engine, claim, state, this.#options.startedAt()))) {
      return undefined;
    }
    return { state, workflow, admitted: passage === "open" && isHeld };
  }

  /** Whoever claims a run by a hint hears if that was out of date; for whom the run is can change meanwhile. */
  async #load({ ticket: { run, workflow } }: Claim, hint: Ticket["hint"]): Promise<RunState> {
    const { engine, catalog } = this.#options;
    const state = await loadClaimed(engine, { run, workflow }, hint);
    const isMine = hint === undefined || catalog.codeFor(state) !== undefined;
    return isMine ? state : loadRun(engine, run, workflow);
  }
}

const gone = async (leaving: Promise<void>): Promise<undefined> => {
  await leaving;
};
