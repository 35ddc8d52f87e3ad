/**
 * The attempts of one run that run on other nodes. Which they are stands in the run's log, with what their
 * nodes granted; so a host that takes the run over tells those nodes to go once more, and goes on listening.
 */
import type { StepPolicy } from "../../domain/plan.ts";
import { type RunState, stepActor } from "../../domain/state.ts";
import type { Engine } from "../engine.ts";
import { unattended } from "../hosting/leave.ts";
import type { Cluster } from "./cluster.ts";
import { packed, taskInput } from "./task-input.ts";
import { untilDone } from "./until-done.ts";

/** The nodes on which attempts of the run run, other than its host. */
export function remoteNodes(state: RunState): ReadonlySet<string> {
  const nodes = new Set<string>();
  for (const step of state.running) {
    const { node, grant } = stepActor(state, step).context;
    if (grant !== null && node !== null) nodes.add(node);
  }
  return nodes;
}

interface Remote {
  readonly node: string;
  readonly grant: string;
  /** It was told that its run is being cancelled. */
  asked: boolean;
}

/** Remote attempts, by step. */
export class Remotes {
  readonly #engine: Engine;
  readonly #cluster: Cluster;
  readonly #running = new Map<string, Remote>();

  constructor(engine: Engine, cluster: Cluster) {
    this.#engine = engine;
    this.#cluster = cluster;
  }

  /**
   * Tells the node of an attempt that is recorded to go, if it is not this host's own. If it knows that
   * already it does nothing.
   */
  begin(state: RunState, step: string, policy: StepPolicy): void {
    const { node, grant, attempt } = stepActor(state, step).context;
    if (grant === null || node === null) return;
    const remote = { node, grant, asked: false };
    this.#running.set(step, remote);
    const { workflow, input: runInput, tick } = state.run.context;
    const ticked = tick === null ? {} : { tick };
    const { id: run, plan } = state;
    const { version, label } = plan ?? { version: "" };
    const of = { run, workflow, version, ...(label === undefined ? {} : { label }), step };
    // Taken now: the state moves on.
    const input = taskInput(state, step);
    // Whatever has ended meanwhile is not begun any more.
    const isWanted = (): boolean => this.#running.get(step) === remote;
    const go = async (): Promise<void> => {
      const small = await packed(this.#engine.store.blobs, input);
      const what = { ...of, attempt, policy, input: small, runInput, ...ticked };
      if (isWanted()) this.#cluster.tell(node, { kind: "go", grant, ...what });
    };
    const whose = { run, step };
    unattended(this.#engine, whose, untilDone(this.#engine, whose, go, isWanted));
  }

  /** The attempt has said how it ended: its node need not be told. */
  reported(step: string): void {
    this.#running.delete(step);
  }

  /**
   * Stops attempts whose step is not running any more, or runs elsewhere; asks those of a run that is being
   * cancelled to end by themselves.
   */
  stopEnded(state: RunState): void {
    for (const [step, remote] of this.#running) {
      const { node, grant } = remote;
      if (state.running.has(step) && stepActor(state, step).context.grant === grant) {
        if (state.run.state === "cancelling") this.#ask(state, remote);
        continue;
      }
      this.#running.delete(step);
      const error = {
        code: "E_RUN_CANCELLED",
        message: `step ${step} of run ${state.id} was stopped`,
      };
      this.#cluster.tell(node, { kind: "stop", grant, error });
    }
  }

  #ask({ id }: RunState, remote: Remote): void {
    if (remote.asked) return;
    remote.asked = true;
    const { node, grant } = remote;
    const error = { code: "E_RUN_CANCELLED", message: `run ${id} is being cancelled` };
    this.#cluster.tell(node, { kind: "stop", grant, error, gently: true });
  }
}
