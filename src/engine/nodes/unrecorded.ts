/**
 * What attempts took of this node that do not run here any more, or never came to run, while the log may
 * still say that they do: it stays taken until the log says otherwise, so that at no event of it more is
 * running here than there is. Whoever records that may be here or elsewhere; nobody need say so, because the
 * log is looked at again and again.
 */
import type { Resources } from "../../cluster/resources.ts";
import { type RunState, stepActor } from "../../domain/state.ts";
import type { CancelTimer } from "../../kernel/clock.ts";
import { limits } from "../../kernel/limits.ts";
import type { Engine } from "../engine.ts";
import { isDamage, unattended } from "../hosting/leave.ts";
import { loadRun } from "../reading/history.ts";
import type { Capacity } from "./capacity.ts";

/** An attempt on this node, for a host elsewhere (`grant`) or here (`attempt`: its number). */
export interface AttemptHere {
  readonly run: string;
  readonly workflow: string;
  readonly step: string;
  readonly grant?: string;
  readonly attempt?: number;
}

/** The step's attempt, as a host on this node has it. */
export const attemptHere = (state: RunState, step: string): AttemptHere => ({
  run: state.id,
  workflow: state.run.context.workflow,
  step,
  attempt: stepActor(state, step).context.attempt,
});

/** The log says that it is running. */
export async function runsByLog(engine: Engine, of: AttemptHere): Promise<boolean> {
  try {
    return runsIn(await loadRun(engine, of.run, of.workflow), of, engine.node);
  } catch (error) {
    // Nobody will ever go on with that run.
    if (isDamage(error)) return false;
    throw error;
  }
}

function runsIn(state: RunState, { step, grant, attempt }: AttemptHere, node: string): boolean {
  if (!state.running.has(step)) return false;
  const now = stepActor(state, step).context;
  if (grant !== undefined) return now.grant === grant;
  return now.grant === null && now.node === node && now.attempt === attempt;
}

interface Held {
  readonly of: AttemptHere;
  readonly takes: Resources;
  cancel: CancelTimer;
}

/** See above. One per node. */
export class Unrecorded {
  readonly #engine: Engine;
  readonly #capacity: Capacity;
  readonly #held = new Map<string, Held>();
  #closed = false;

  constructor(engine: Engine, capacity: Capacity) {
    this.#engine = engine;
    this.#capacity = capacity;
  }

  /** What it took is given back when the log does not say any more that it is running. */
  hold(of: AttemptHere, takes: Resources): void {
    const held: Held = { of, takes, cancel: () => undefined };
    this.#held.set(keyOf(of), held);
    if (this.#closed) this.recorded(of);
    else this.#lookLater(held);
  }

  /** The log does not say any more that it is running. */
  recorded(of: Pick<AttemptHere, "grant"> & Partial<AttemptHere>): void {
    const key = keyOf(of);
    const held = this.#held.get(key);
    if (held === undefined) return;
    this.#held.delete(key);
    held.cancel();
    this.#capacity.release(held.takes);
  }

  /** This is what the run's log says. */
  seen(state: RunState): void {
    for (const { of } of [...this.#held.values()]) {
      if (of.run === state.id && !runsIn(state, of, this.#engine.node)) this.recorded(of);
    }
  }

  /** This process takes nothing new, so what is free does not matter any more. */
  close(): void {
    this.#closed = true;
    for (const { of } of [...this.#held.values()]) this.recorded(of);
  }

  #lookLater(held: Held): void {
    const { clock, upkeep = clock } = this.#engine.world;
    held.cancel = upkeep.after(limits.heartbeatMs, () => {
      const { run, step } = held.of;
      unattended(this.#engine, { run, step }, this.#look(held));
    });
  }

  async #look(held: Held): Promise<void> {
    try {
      if (!(await runsByLog(this.#engine, held.of))) this.recorded(held.of);
    } finally {
      if (this.#held.has(keyOf(held.of))) this.#lookLater(held);
    }
  }
}

const keyOf = ({ run, step, grant, attempt }: Partial<AttemptHere>): string =>
  grant ?? `${run}/${step}/${attempt}`;
