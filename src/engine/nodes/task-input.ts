/**
 * The input of a step that runs on another node: by reference where it is large already, so that nothing
 * is read and written again only to be sent.
 */
import type { KeptOnNode, Value } from "../../../machines/values.ts";
import { itemId, itemOf, undoOf } from "../../domain/plan.ts";
import { planStep, type RunState, stepActor } from "../../domain/state.ts";
import type { Json } from "../../kernel/json.ts";
import { limits } from "../../kernel/limits.ts";
import type { BlobStore } from "../../ports/blob-store.ts";

/** A recorded value that refers to no step: a list of items is spelt out. */
export type Sent =
  | Extract<Value, { readonly json: unknown } | { readonly blob: string }>
  | KeptOnNode
  | { readonly list: readonly (Sent | null)[] };

/** One that is not sent itself. */
export type Large = Extract<Sent, { readonly blob: string } | KeptOnNode>;

/** What a step's function gets: undefined where there is nothing. */
export type TaskInput =
  | { readonly of: "run" }
  | { readonly of: "value"; readonly value: Sent | null }
  /** One item of a list. */
  | { readonly of: "item"; readonly list: Sent; readonly index: number }
  | { readonly of: "needs"; readonly needs: Readonly<Record<string, Sent>> }
  /** Any of the above, as a blob, because there is so much of it. */
  | { readonly of: "blob"; readonly blob: string };

/** The input of a step as its run has it now. */
export function taskInput(state: RunState, id: string): TaskInput {
  const given = stepActor(state, id).context.input;
  if (given !== null) return { of: "value", value: sent(state, given) };
  const undone = undoOf(id);
  if (undone !== undefined) return { of: "value", value: outputOf(state, undone) };
  const step = planStep(state, id);
  if (step === undefined || step.needs.length === 0) return { of: "run" };
  const item = itemOf(id);
  if (item !== undefined) {
    const { input: list } = stepActor(state, step.name).context;
    const over = list === null ? outputOf(state, step.over ?? "") : sent(state, list);
    return itemInput(over, item.index);
  }
  const needs: Record<string, Sent> = {};
  for (const need of step.needs) {
    const output = outputOf(state, need);
    if (output !== null) needs[need] = output;
  }
  return { of: "needs", needs };
}

/** The same, small enough to be sent. */
export async function packed(blobs: BlobStore, input: TaskInput): Promise<TaskInput> {
  const text = JSON.stringify(input);
  if (text.length * BYTES_PER_CHAR <= limits.valueInlineBytesMax) return input;
  const bytes = Buffer.from(text);
  if (bytes.length <= limits.valueInlineBytesMax) return input;
  return { of: "blob", blob: await blobs.put(bytes) };
}

const BYTES_PER_CHAR = 3;

/** The JSON that the step's function gets. @param read gives that of a blob, or of what nodes have */
export async function unpacked(
  input: TaskInput,
  runInput: () => Promise<Json>,
  read: (value: Large) => Promise<Json>,
): Promise<Json | undefined> {
  const jsonOf = async (value: Sent): Promise<Json> => {
    if ("json" in value) return value.json as Json;
    if ("blob" in value || "kept" in value) return read(value);
    return Promise.all(value.list.map((one) => (one === null ? null : jsonOf(one))));
  };
  switch (input.of) {
    case "run":
      return runInput();
    case "value":
      return input.value === null ? undefined : jsonOf(input.value);
    case "item":
      return ((await jsonOf(input.list)) as readonly Json[])[input.index];
    case "needs": {
      const entries = Object.entries(input.needs).map(
        async ([need, value]) => [need, await jsonOf(value)] as const,
      );
      return Object.fromEntries(await Promise.all(entries));
    }
    case "blob":
      return unpacked(
        (await read({ blob: input.blob, bytes: 0 })) as unknown as TaskInput,
        runInput,
        read,
      );
  }
}

/** Null for a step that was skipped. */
function outputOf(state: RunState, step: string): Sent | null {
  const { output } = stepActor(state, step).context;
  return output === null ? null : sent(state, output);
}

function sent(state: RunState, value: Value): Sent {
  if ("list" in value) return { list: value.list.map((one) => sent(state, one)) };
  if (!("items" in value)) return value;
  const list = Array.from({ length: value.items }, (_, index) =>
    outputOf(state, itemId(value.of, index)),
  );
  return { list };
}

/** Of a list that is at hand only the item is sent. */
function itemInput(list: Sent | null, index: number): TaskInput {
  if (list === null) return { of: "value", value: null };
  if ("list" in list) return { of: "value", value: list.list[index] ?? { json: null } };
  if ("blob" in list || "kept" in list) return { of: "item", list, index };
  return { of: "value", value: { json: (list.json as readonly unknown[])[index] } };
}
