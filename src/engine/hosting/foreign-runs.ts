/**
 * Runs that this process has claimed and has not the code of: another workflow of that name, or another
 * version. Whoever has it is to get them; when nobody does, their log says so, and they wait for it.
 */
import { carries, codeName } from "../../cluster/versions.ts";
import type { RunState } from "../../domain/state.ts";
import { MillraceError } from "../../kernel/errors.ts";
import type { StoredInput } from "../../ports/inbox.ts";
import type { Claim } from "../../ports/work-queue.ts";
import type { Engine } from "../engine.ts";
import { decodeInput } from "../turn/input.ts";
import { inboxOf } from "./chain.ts";
import type { Surroundings } from "./last-duties.ts";
import { hasMoved } from "./leave.ts";
import { setAside } from "./set-aside.ts";

/** What it takes to pass them on. */
export interface ForeignRunsOptions {
  readonly engine: Engine;
  readonly surroundings: Surroundings;
  /** Tickets of the workflow are left to others for a moment, now or in `inMs`. */
  stepAside(workflow: string, inMs: number): void;
}

/** How often a run was passed on without a break, and when last (monotonic ms). */
interface Passed {
  readonly times: number;
  readonly at: number;
}

/** A ticket that comes back to who passed it on is claimable after this long, doubled each further time. */
const PASS_MS = 50;
const PASS_MAX_MS = 5_000;
/** So often it is passed on when nobody is sure to have the code. */
const PERHAPS_MAX = 3;
/** Runs whose passing on is counted. */
const COUNTED_MAX = 10_000;

/** See above. One per process. */
export class ForeignRuns {
  readonly #engine: Engine;
  readonly #surroundings: Surroundings;
  readonly #stepAside: ForeignRunsOptions["stepAside"];
  readonly #passed = new Map<string, Passed>();

  constructor({ engine, surroundings, stepAside }: ForeignRunsOptions) {
    this.#engine = engine;
    this.#surroundings = surroundings;
    this.#stepAside = stepAside;
  }

  /** Sees to the ticket. What asks for the end of a run needs no code, and is taken here. */
  async leave(claim: Claim, state: RunState): Promise<void> {
    if ((await this.#isToEnd(state)) && (await this.#setAside(claim, state, {}))) return;
    const there = await this.#carriers(state);
    if (this.#mayPass(state, there)) return this.#pass(claim, state.id);
    this.#passed.delete(state.id);
    const isSaid = state.run.context.parkedError?.code === "E_VERSION_UNKNOWN";
    if (isSaid) await claim.ack();
    else if (!(await this.#setAside(claim, state, { forCode: true })))
      return this.#pass(claim, state.id);
    // Who came meanwhile has not seen that it waits; who asked for its end, or moved it to another version,
    // has found its ticket taken.
    const came = [...(await this.#carriers(state)).keys()].some((node) => !there.has(node));
    const isAsked = isSaid && (await this.#isToEnd(state));
    if (!came && !isAsked && !(await hasMoved(this.#engine, state))) return;
    await this.#engine.store.queue.offer({ workflow: claim.ticket.workflow, run: state.id });
  }

  async #isToEnd({ id, run, cursor }: RunState): Promise<boolean> {
    const mailbox = inboxOf(id, run.context);
    return (await this.#engine.store.inbox.read(mailbox, cursor.inbox)).some(asksForEnd);
  }

  /** The nodes that take runs and have the code for this one, for certain or perhaps. */
  async #carriers({ plan, run }: RunState): Promise<ReadonlyMap<string, "yes" | "perhaps">> {
    const found = new Map<string, "yes" | "perhaps">();
    if (plan === undefined) return found;
    for (const node of await this.#engine.store.nodes.list()) {
      if (node.draining || node.id === this.#engine.node) continue;
      const has = carries(node, run.context.workflow, plan);
      if (has !== "no") found.set(node.id, has);
    }
    return found;
  }

  #mayPass({ id }: RunState, there: ReadonlyMap<string, "yes" | "perhaps">): boolean {
    const sure = [...there.values()].includes("yes");
    return sure || (there.size > 0 && this.#timesPassed(id) < PERHAPS_MAX);
  }

  #timesPassed(run: string): number {
    const { times, at } = this.#passed.get(run) ?? { times: 0, at: 0 };
    return this.#engine.world.clock.mono() - at > 2 * PASS_MAX_MS ? 0 : times;
  }

  async #pass(claim: Claim, run: string): Promise<void> {
    const { clock } = this.#engine.world;
    const times = this.#timesPassed(run);
    if (this.#passed.size >= COUNTED_MAX) this.#passed.clear();
    this.#passed.set(run, { times: times + 1, at: clock.mono() });
    const waitMs = times === 0 ? 0 : Math.min(PASS_MAX_MS, PASS_MS * 2 ** times);
    // Whoever is in line when it comes back may be given it again, for ever.
    this.#stepAside(claim.ticket.workflow, waitMs);
    await claim.release(waitMs === 0 ? undefined : clock.now() + waitMs);
  }

  /** The run's log says what is missing. False: somebody else has written to it meanwhile. */
  #setAside(claim: Claim, state: RunState, how: { forCode?: true }): Promise<boolean> {
    const { workflow } = claim.ticket;
    const code = codeName(workflow, state.plan ?? { version: "none" });
    const message = `no process that is up has ${code}`;
    this.#engine.logger.warn(message, { run: state.id });
    const error = new MillraceError("E_VERSION_UNKNOWN", message);
    const surroundings = this.#surroundings;
    return setAside(this.#engine, claim, state, { error, ...how, surroundings });
  }
}

function asksForEnd({ bytes }: StoredInput): boolean {
  const kind = decodeInput(bytes)?.kind;
  return kind === "cancel" || kind === "terminate";
}
