/**
 * What a run that has ended still owes: to the run that goes on for it, to its parent, and to children that
 * it has left open. All of it follows from its state, and is done before its ticket goes; so a crash in
 * between only means that it is done again, and doing it again is no harm.
 */
import type { Failure, Value } from "../../../machines/values.ts";
import { type Duty, outstanding } from "../../domain/outstanding.ts";
import { type RunState, stepActor } from "../../domain/state.ts";
import type { Workflow } from "../../workflow/definition.ts";
import type { Engine } from "../engine.ts";
import { askToStop, beginChild, parentFacts } from "../turn/begin-child.ts";
import { encodeInput } from "../turn/input.ts";
import { valuesOf } from "../values/kept-values.ts";
import { fromValue, toValue } from "../values/values.ts";
import { beginNext } from "./continue-run.ts";

/** How the run is known to the processes around it. */
export interface Surroundings {
  /** Workflows that this process has, by name. */
  readonly definitions: (name: string) => Workflow | undefined;
  /** Where runs that were let in are given leave. */
  readonly gates: { release(gate: string, holders: readonly string[]): Promise<void> };
  /** Whether this process hosts the run, so that it needs no ticket. */
  readonly isHosted: (run: string) => boolean;
}

/** @throws whatever the store rejects with: the ticket must stay then */
export async function doLastDuties(
  engine: Engine,
  state: RunState,
  surroundings: Surroundings,
): Promise<void> {
  const duties = [...outstanding(state, engine.world.clock.now())];
  while (duties.length > 0) {
    const some = duties.splice(0, AT_ONCE);
    await Promise.all(some.map((duty) => doDuty(engine, state, surroundings, duty)));
  }
}

/** Duties done at once: one that was terminated may have left thousands of children open. */
const AT_ONCE = 64;

async function doDuty(
  engine: Engine,
  state: RunState,
  surroundings: Surroundings,
  duty: Duty,
): Promise<void> {
  const { definitions } = surroundings;
  const { context } = state.run;
  switch (duty.kind) {
    case "child":
    case "stop": {
      const { child } = stepActor(state, duty.step).context;
      if (child === null) break;
      if (duty.kind === "stop") await askToStop(engine, state.id, child, "its parent has ended");
      else {
        const definition = definitions(child.workflow);
        await beginChild(engine, parentFacts(state), duty.step, child, definition);
      }
      break;
    }
    case "release":
      await surroundings.gates.release(duty.gate, [state.id]);
      break;
    case "continue":
      if (context.next === null) break;
      await beginNext(engine, state, context.next, definitions(context.workflow));
      break;
    case "tell":
      await tellParent(engine, state, surroundings);
      break;
  }
}

async function tellParent(
  engine: Engine,
  state: RunState,
  { isHosted }: Surroundings,
): Promise<void> {
  const { parent, chain } = state.run.context;
  if (parent === null) return;
  const { inbox, queue } = engine.store;
  const report = encodeInput({
    kind: "child",
    id: state.id,
    parent: parent.run,
    step: parent.step,
    run: chain?.first ?? state.id,
    ...(await outcomeOf(engine, state)),
  });
  await inbox.post(parent.inbox ?? parent.run, report);
  // Its host hears of it by itself; one that is just letting go of it looks once more.
  if (!isHosted(parent.run)) await queue.offer({ workflow: parent.workflow, run: parent.run });
}

async function outcomeOf(
  engine: Engine,
  state: RunState,
): Promise<{ readonly output: Value } | { readonly error: Failure }> {
  const { context, state: status } = state.run;
  if (status === "completed") {
    const output = context.output ?? { json: null };
    // The items of a mapped step are nobody else's to look up, and what nodes have is this run's.
    if (!("items" in output || "kept" in output)) return { output };
    const json = await fromValue(valuesOf(engine), output, state);
    return { output: await toValue(engine.store.blobs, "output", json) };
  }
  if (status === "failed" && context.error !== null) return { error: context.error };
  const { cancelledBy, cancelReason } = context;
  const by = cancelledBy === null ? "" : ` by ${cancelledBy}: ${cancelReason ?? ""}`;
  const code = status === "terminated" ? "E_RUN_TERMINATED" : "E_RUN_CANCELLED";
  return { error: { code, message: `run ${state.id} was ${status}${by}` } };
}
