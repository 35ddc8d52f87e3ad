/** Steps of a graph that wait: what they wait for is opened, and signals answer them. */
import { planStep, type RunState } from "../../domain/state.ts";
import { toFailure } from "../../events/failure.ts";
import { type GraphWorkflow, isWaitBody, type WaitBody } from "../../workflow/definition.ts";
import { type Opening, openingOf } from "../../workflow/open-wait.ts";
import { validate } from "../../workflow/schema.ts";
import { rethrowAway } from "../away.ts";
import { fromValue, handOut, toValue } from "../values/values.ts";
import type { Draft } from "./draft.ts";
import { type AskedWait, answerSignals } from "./signal-waits.ts";
import type { TurnContext } from "./turn-context.ts";

/** Opens what steps wait for whose needs are there; from here on nothing of them is held anywhere. */
export async function openWaits(
  context: TurnContext,
  workflow: GraphWorkflow,
  draft: Draft,
): Promise<void> {
  for (const id of [...draft.state.unopened]) {
    const step = planStep(draft.state, id);
    if (step === undefined) continue;
    try {
      const input = async () => handOut(await context.results.inputOf(draft.state, id));
      const opening = await openingOf(step, bodyOf(workflow, id), draft.now, input);
      draft.step(id, { type: "cmd.suspend", now: draft.now });
      draft.run(commandOf(id, opening, draft.now));
    } catch (thrown) {
      rethrowAway(thrown);
      draft.failStep(id, toFailure(thrown));
    }
  }
}

function commandOf(id: string, opening: Opening, now: number) {
  if (opening.kind === "timer") {
    return { type: "cmd.set_timer", now, timer: id, due: opening.due } as const;
  }
  const { kind: _kind, ...wait } = opening;
  return { type: "cmd.open_wait", now, wait: id, ...wait } as const;
}

/** Gives waiting steps the signals that came for them, and ends those whose time is over. */
export async function answerWaits(
  context: TurnContext,
  workflow: GraphWorkflow,
  draft: Draft,
): Promise<void> {
  const { state } = draft;
  if (Object.keys(state.run.context.waits).length === 0) return;
  const { blobs } = context.engine.store;
  const asked = await askedWaits(context, workflow, state);
  await answerSignals(blobs, draft, {
    asked: (wait) => asked.get(wait),
    misfit: (wait, thrown) => draft.failStep(wait, toFailure(thrown)),
    async taking(wait, { payload }) {
      const schema = bodyOf(workflow, wait)?.schema;
      // Without a schema the payload is the result: that follows by itself.
      if (schema === undefined) return () => undefined;
      try {
        const what = `payload of signal for step ${wait}`;
        const checked = await validate(
          schema,
          what,
          handOut(await fromValue(blobs, payload, state)),
        );
        const output = await toValue(blobs, what, checked);
        const { now } = draft;
        return () => void draft.step(wait, { type: "cmd.complete", now, attempt: 0, output });
      } catch (thrown) {
        rethrowAway(thrown);
        return () => draft.failStep(wait, toFailure(thrown));
      }
    },
  });
}

/** The waits for signals that are open, each with what chooses among them. */
async function askedWaits(
  { results }: TurnContext,
  workflow: GraphWorkflow,
  state: RunState,
): Promise<ReadonlyMap<string, AskedWait>> {
  const asked = new Map<string, AskedWait>();
  for (const [wait, { name }] of Object.entries(state.run.context.waits)) {
    const declared = planStep(state, wait)?.wait;
    if (declared?.kind !== "signal" || !state.suspended.has(wait)) continue;
    const where = state.free.has(name) ? bodyOf(workflow, wait)?.where : undefined;
    const input = where && handOut(await results.inputOf(state, wait));
    asked.set(wait, {
      name: declared.signal,
      where: where && ((payload) => where(payload, input)),
    });
  }
  return asked;
}

function bodyOf(workflow: GraphWorkflow, id: string): WaitBody | undefined {
  const body = workflow.bodies.get(id);
  return isWaitBody(body) ? body : undefined;
}
