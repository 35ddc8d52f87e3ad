/** From the id of a result to its value, as far as the log and this process have it. */
import type { KeptOnNode, Value } from "../../machines/values.ts";
import { itemId } from "../domain/plan.ts";
import { emptyRun, type RunState, stepActor } from "../domain/state.ts";
import type { Engine } from "../engine/engine.ts";
import type { Journal } from "../engine/reading/journal.ts";
import { fromValue, handOut, type ValueSource } from "../engine/values/values.ts";
import { openFrame } from "../events/frame.ts";
import type { MillraceEvent } from "../events/vocabulary.ts";
import { MillraceError } from "../kernel/errors.ts";
import type { Json } from "../kernel/json.ts";
import type { DataLocation } from "../projections/data-locations.ts";
import { resultIn } from "../projections/results.ts";

/** A value as recorded; of a mapped step, those of its items, null for one that was skipped. */
type Recorded = Value | readonly (Value | null)[];

/** A result that the log has. */
export type RecordedResult =
  | { readonly kind: "recorded"; readonly value: Recorded }
  /** In the frame at this position. */
  | { readonly kind: "in log"; readonly position: number };

/** What is known of a result. */
export type KnownResult =
  | RecordedResult
  /** `of`: what a step returned, which can be made again by running it. */
  | { readonly kind: "node"; readonly at: DataLocation; readonly of?: KeptOnNode };

/** Undefined when nothing was stored under the id, or it was cleared. */
export function findResult(
  journal: Journal,
  run: string,
  id: string,
): Promise<KnownResult | undefined> {
  return journal.read(run, (state, { results }) => {
    const place = results.get(id);
    if (place === undefined) return undefined;
    if (place.kind === "node") return { ...place, ...keptBy(state, id) };
    if (place.kind === "step") return ofStep(state, id);
    const { kept, position } = place;
    return kept === null ? { kind: "in log", position } : { kind: "recorded", value: kept };
  });
}

/** What the step of that id returned, if only nodes have it. */
function keptBy(state: RunState, id: string): { of?: KeptOnNode } {
  const output = state.steps.get(id)?.context.output ?? null;
  return output !== null && "kept" in output ? { of: output } : {};
}

function ofStep(state: RunState, id: string): KnownResult | undefined {
  const { output } = stepActor(state, id).context;
  if (output === null) return undefined;
  if ("kept" in output) {
    const { node, kept: digest, bytes } = output;
    return { kind: "node", at: { node, digest, bytes, seq: state.cursor.seq }, of: output };
  }
  const value =
    "items" in output
      ? Array.from(
          { length: output.items },
          (_, index) => stepActor(state, itemId(output.of, index)).context.output,
        )
      : output;
  return { kind: "recorded", value };
}

/**
 * The JSON of a result that the log has; a copy. Undefined when its run was erased meanwhile.
 * @param source where values are read from that are not inside of events
 */
export async function recordedResult(
  engine: Engine,
  source: ValueSource,
  run: string,
  id: string,
  known: RecordedResult,
): Promise<{ readonly json: unknown } | undefined> {
  const value = known.kind === "recorded" ? known.value : await readAt(engine, run, id, known);
  return value === undefined ? undefined : { json: handOut(await toPlain(source, run, value)) };
}

async function readAt(
  engine: Engine,
  run: string,
  id: string,
  { position }: { readonly position: number },
): Promise<Value | undefined> {
  const range = { run, after: position - 1, upTo: position };
  for await (const stored of engine.store.log.read(range)) {
    const { frame } = openFrame(run, stored.bytes, engine.codecs);
    const event = frame.events.findLast((one) => tellsOf(one, id) && resultIn(one) !== undefined);
    if (event !== undefined) return resultIn(event);
  }
  return undefined;
}

async function toPlain(source: ValueSource, run: string, value: Recorded): Promise<Json> {
  // Only items of mapped steps need the state of a run, and those were looked up there.
  const plain = (one: Value): Promise<Json> => fromValue(source, one, emptyRun(run));
  if (!Array.isArray(value)) return plain(value as Value);
  return Promise.all((value as (Value | null)[]).map((one) => (one === null ? null : plain(one))));
}

/** Whether the event says something about the result of this id. */
export function tellsOf(event: MillraceEvent, id: string): boolean {
  switch (event.type) {
    case "step.completed":
      return event.step === id;
    case "output.emitted":
      return event.producer === id;
    case "data.located":
      return event.key === id;
    default:
      return false;
  }
}

/** @throws MillraceError `E_NOT_JSON` for a value that was stored as a stream of other bytes */
export async function jsonOf(id: string, pieces: AsyncIterable<Uint8Array>): Promise<unknown> {
  const parts: Uint8Array[] = [];
  for await (const piece of pieces) parts.push(piece);
  try {
    return JSON.parse(Buffer.concat(parts).toString("utf8"));
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw new MillraceError("E_NOT_JSON", `result ${id} is not JSON; read it with readStream`, {
      cause,
    });
  }
}
