/** Arbitraries for facts about a run that no machine moves on. */
import fc from "fast-check";
import type { NoteEvent, OutputContent } from "../events/vocabulary.ts";
import { type ByType, counts, ids, text, times, type, values } from "./value-arbitraries.ts";

const contents: fc.Arbitrary<OutputContent> = fc.oneof(
  fc.record(
    { type: type("progress"), stage: text, note: text },
    { requiredKeys: ["type", "stage"] },
  ),
  fc.record({ type: type("partial"), chunk: values }),
  fc.record({ type: type("artifact"), name: ids, content: values }),
  fc.record({ type: type("final"), content: values, ok: fc.boolean() }),
);

/** An arbitrary for each note, by its name. */
export const noteEventTypes: ByType<NoteEvent> = {
  "output.emitted": fc.record({
    type: type("output.emitted"),
    at: times,
    ref: ids,
    task: ids,
    attempt: counts,
    producer: ids,
    content: contents,
    parents: fc.array(ids, { maxLength: 3 }),
  }),
  "checkpoint.saved": fc.record(
    {
      type: type("checkpoint.saved"),
      at: times,
      checkpoint: counts,
      node: ids,
      state: values,
      encoding: fc.constant("bytes" as const),
      metadata: fc.dictionary(ids, text, { maxKeys: 2 }),
    },
    { requiredKeys: ["type", "at", "checkpoint", "node", "state", "metadata"] },
  ),
  "data.located": fc.record({
    type: type("data.located"),
    at: times,
    key: text,
    node: ids,
    digest: text,
    bytes: counts,
  }),
  "anomaly.recorded": fc.record(
    { type: type("anomaly.recorded"), at: times, kind: ids, detail: text, step: ids },
    { requiredKeys: ["type", "at", "kind", "detail"] },
  ),
  "user.noted": fc.record(
    { type: type("user.noted"), at: times, name: ids, payload: values, step: ids },
    { requiredKeys: ["type", "at", "name", "payload"] },
  ),
};
