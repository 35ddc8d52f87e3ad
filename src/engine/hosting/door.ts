/**
 * The door of a run that is held back: whoever claims its ticket asks whether it may begin. If not, and
 * it was told nothing meanwhile, the ticket goes without a word in the run's log, and the run is held by
 * nobody until its gate or its time lets it in.
 */
import type { Admission, Ask } from "../../../machines/gate-data.ts";
import { isHeldBack } from "../../domain/admission.ts";
import type { RunState } from "../../domain/state.ts";
import type { Claim } from "../../ports/work-queue.ts";
import { type TendOptions, tendGate } from "../records/tend-gates.ts";
import { inboxOf } from "./chain.ts";

/** `open`: it may begin, or has begun. `told`: it may not, but there is something to tell it. `left`: its ticket is gone. */
export type Passage = "open" | "told" | "left";

/** A gate that lets nobody in is looked at for holders that are gone, at most this often (ms). */
const TEND_EVERY_MS = 1_000;

export class Door {
  readonly #options: TendOptions;
  /** Monotonic ms at which each gate was looked at last. */
  readonly #tended = new Map<string, number>();

  constructor(options: TendOptions) {
    this.#options = options;
  }

  async pass(state: RunState, claim: Claim): Promise<Passage> {
    if (!isHeldBack(state)) return "open";
    const { engine } = this.#options;
    const entry = await this.#enter(state);
    if (entry.open) return "open";
    const { deadline } = state.run.context;
    if (deadline !== null && deadline <= engine.world.clock.now()) return "told";
    const mailbox = inboxOf(state.id, state.run.context);
    const told = await engine.store.inbox.read(mailbox, state.cursor.inbox);
    if (told.length > 0) return "told";
    await this.#leave(state, claim, earliest(entry.wakeAt, deadline));
    return "left";
  }

  /** Whether it may begin now; if not, when it is worth asking again by itself. */
  async #enter(state: RunState): Promise<Answer> {
    const { engine, gates } = this.#options;
    const { admission, notBefore, paused } = state.run.context;
    if (paused !== null) return { open: false, wakeAt: undefined };
    if (notBefore !== null && notBefore > engine.world.clock.now()) {
      return { open: false, wakeAt: notBefore };
    }
    if (admission === null) return { open: true };
    const ask = askOf(state, admission);
    const entry = await gates.ask(admission.gate, ask);
    if (entry.admitted) return { open: true };
    if (!(await this.#tend(admission.gate))) return { open: false, wakeAt: entry.wakeAt };
    const again = await gates.ask(admission.gate, ask);
    return again.admitted ? { open: true } : { open: false, wakeAt: again.wakeAt };
  }

  /** Holders that have died without being released make room. True: there were some. */
  async #tend(gate: string): Promise<boolean> {
    const now = this.#options.engine.world.clock.mono();
    if (now - (this.#tended.get(gate) ?? Number.NEGATIVE_INFINITY) < TEND_EVERY_MS) return false;
    this.#tended.set(gate, now);
    return (await tendGate(this.#options, gate)).tidied;
  }

  async #leave(state: RunState, claim: Claim, wakeAt: number | undefined): Promise<void> {
    const { inbox, queue } = this.#options.engine.store;
    if (wakeAt === undefined) await claim.ack();
    else await claim.release(wakeAt);
    // Whatever happened while the ticket was still held brought none of its own.
    const late = await inbox.read(inboxOf(state.id, state.run.context), state.cursor.inbox);
    if (late.length === 0 && !(await this.#enter(state)).open) return;
    await queue.offer({ workflow: state.run.context.workflow, run: state.id });
  }
}

type Answer =
  | { readonly open: true }
  | { readonly open: false; readonly wakeAt: number | undefined };

const earliest = (wakeAt: number | undefined, deadline: number | null): number | undefined =>
  deadline === null ? wakeAt : Math.min(wakeAt ?? deadline, deadline);

const askOf = ({ id: holder, run }: RunState, { limits, priority, fair }: Admission): Ask => {
  const { workflow: of, createdAt } = run.context;
  return { holder, of, createdAt, limits, priority, fair };
};
