/**
 * Guests whose code has ended: what they took stays taken until the log of their run says that they have, so
 * that at no event of it more is running here than there is. Their host says so; should it be gone before it
 * could, the log is looked at again and again.
 */
import type { Resources } from "../../cluster/resources.ts";
import { stepActor } from "../../domain/state.ts";
import type { CancelTimer } from "../../kernel/clock.ts";
import { limits } from "../../kernel/limits.ts";
import type { Engine } from "../engine.ts";
import { unattended } from "../hosting/leave.ts";
import { loadRun } from "../reading/history.ts";
import type { Capacity } from "./capacity.ts";
import type { Go } from "./node-mail.ts";

interface EndedGuest {
  readonly go: Go;
  readonly needs: Resources;
  cancel: CancelTimer;
}

/** By what was granted. */
export class EndedGuests {
  readonly #engine: Engine;
  readonly #capacity: Capacity;
  readonly #guests = new Map<string, EndedGuest>();
  #closed = false;

  constructor(engine: Engine, capacity: Capacity) {
    this.#engine = engine;
    this.#capacity = capacity;
  }

  /** Its report is on its way. */
  add(go: Go, needs: Resources): void {
    const guest: EndedGuest = { go, needs, cancel: () => undefined };
    this.#guests.set(go.grant, guest);
    if (this.#closed) this.recorded(go.grant);
    else this.#lookLater(guest);
  }

  /** The log has it. */
  recorded(grant: string): void {
    const guest = this.#guests.get(grant);
    if (guest === undefined) return;
    this.#guests.delete(grant);
    guest.cancel();
    this.#capacity.release(guest.needs);
  }

  /** This process takes nothing new, so what is free does not matter any more. */
  close(): void {
    this.#closed = true;
    for (const grant of [...this.#guests.keys()]) this.recorded(grant);
  }

  #lookLater(guest: EndedGuest): void {
    const { clock, upkeep = clock } = this.#engine.world;
    guest.cancel = upkeep.after(limits.heartbeatMs, () => {
      const { run, step } = guest.go;
      unattended(this.#engine, { run, step }, this.#look(guest));
    });
  }

  async #look(guest: EndedGuest): Promise<void> {
    const { run, workflow, step, grant } = guest.go;
    try {
      const state = await loadRun(this.#engine, run, workflow);
      const runs = state.running.has(step) && stepActor(state, step).context.grant === grant;
      if (!runs) this.recorded(grant);
    } finally {
      if (this.#guests.has(grant)) this.#lookLater(guest);
    }
  }
}
