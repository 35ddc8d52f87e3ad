/**
 * Runs that go on as others: the end of the one, and the beginning of the next, which is derived from that
 * end alone. What nobody has taken goes along.
 */
import type { RunContext, RunEvent, Signal } from "../../../machines/run-data.ts";
import type { Value } from "../../../machines/values.ts";
import { SCHEDULE_LIMIT } from "../../domain/admission.ts";
import { nextRunId } from "../../domain/run-ids.ts";
import { emptyRun, type RunState } from "../../domain/state.ts";
import { canonicalJson, digest, type Json } from "../../kernel/json.ts";
import { limits } from "../../kernel/limits.ts";
import type { Workflow } from "../../workflow/definition.ts";
import type { Engine } from "../engine.ts";
import { Draft } from "../turn/draft.ts";
import { fromValue, smallValue } from "../values/values.ts";
import { beginRun, definedBy } from "./begin-run.ts";

const untaken = ({ signals }: RunContext): Signal[] =>
  signals.filter(({ takenBy, refused }) => takenBy === null && !refused);

/** Ends the run in the draft; the next of its chain is owed from there on. */
export function continueRun(draft: Draft, input: Value): void {
  const { state, now } = draft;
  const { context } = state.run;
  const carried = untaken(context).length;
  if (carried > limits.carriedSignalsMax) {
    const message = `the run has ${carried} signals that it has not taken; at most ${limits.carriedSignalsMax} can go along to the next run`;
    draft.fail({ code: "E_TOO_LARGE", message });
    return;
  }
  const { first, index } = placeOf(state);
  draft.run({ type: "cmd.continue", now, next: nextRunId(first, index + 1), input });
}

const placeOf = ({ id, run }: RunState): { readonly first: string; readonly index: number } =>
  run.context.chain ?? { first: id, index: 1 };

/**
 * Begins the run that goes on where this one has ended. Doing it again changes nothing.
 * @param workflow its definition as this process has it: where new code takes over
 */
export async function beginNext(
  engine: Engine,
  state: RunState,
  { run, input }: NonNullable<RunContext["next"]>,
  workflow: Workflow | undefined,
): Promise<void> {
  const now = engine.world.clock.now();
  const { context } = state.run;
  const draft = new Draft(emptyRun(run), now);
  // The next run of a schedule does not begin while this one is at work, or what goes on for it.
  const limits = (context.admission?.limits ?? []).filter(({ name }) => name === SCHEDULE_LIMIT);
  const defined = await definedBy(engine, workflow, { id: run, input, now, limits });
  draft.add([createdFrom(state, input, defined, now)]);
  for (const { id: signal, name, payload, decision } of untaken(context)) {
    const value = await smaller(engine, state, payload, draft);
    draft.run({
      type: "cmd.signal",
      now,
      signal,
      name,
      payload: value,
      ...(decision === undefined ? {} : { decision }),
    });
  }
  await beginRun(engine, draft, { hinted: true, inbox: state.cursor.inbox });
}

/** Inline as long as there is room in the frame. */
async function smaller(
  engine: Engine,
  state: RunState,
  value: Value,
  draft: Draft,
): Promise<Value> {
  if (!("json" in value)) return value;
  const { blobs } = engine.store;
  return smallValue(blobs, "payload", await fromValue(blobs, value, state), draft);
}

function createdFrom(
  state: RunState,
  input: Value,
  defined: Awaited<ReturnType<typeof definedBy>>,
  now: number,
): RunEvent {
  const { labels, parent, correlation, tick, chain, signals, workflow: name } = state.run.context;
  const { first, index } = placeOf(state);
  const left = new Set(untaken(state.run.context));
  const taken = signals.filter((signal) => !left.has(signal)).map(({ id }) => id);
  const remembered = [...(chain?.taken ?? []), ...taken];
  const given =
    "json" in input ? (input.json as Json) : { blob: "blob" in input ? input.blob : "" };
  return {
    type: "run.created",
    at: now,
    workflow: name,
    content: digest(canonicalJson([name, given])),
    input,
    ...defined,
    ...(Object.keys(labels).length === 0 ? {} : { labels }),
    ...(correlation === null ? {} : { correlation }),
    ...(parent === null ? {} : { parent }),
    ...(tick === null ? {} : { tick }),
    chain: {
      first,
      previous: state.id,
      index: index + 1,
      taken: remembered.slice(-limits.rememberedSignalsMax),
    },
  };
}
