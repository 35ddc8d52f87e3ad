/** Arbitraries for facts about a run that no machine moves on. */
import fc from "fast-check";
import type { NoteEvent, OutputContent } from "../../events/vocabulary.ts";
import { type ByType, event } from "./message-arbitraries.ts";
import { counts, ids, text, values } from "./value-arbitraries.ts";

const contents: fc.Arbitrary<OutputContent> = fc.oneof(
  fc.record(
    { type: fc.constant("progress" as const), stage: text, note: text },
    { requiredKeys: ["type", "stage"] },
  ),
  fc.record({ type: fc.constant("partial" as const), chunk: values }),
  fc.record({ type: fc.constant("artifact" as const), name: ids, content: values }),
  fc.record({ type: fc.constant("final" as const), content: values, ok: fc.boolean() }),
);

/** An arbitrary for each note, by its name. */
export const noteEventTypes: ByType<NoteEvent> = {
  "output.emitted": event("output.emitted", {
    ref: ids,
    task: ids,
    attempt: counts,
    producer: ids,
    content: contents,
    parents: fc.array(ids, { maxLength: 3 }),
  }),
  "checkpoint.saved": event(
    "checkpoint.saved",
    {
      checkpoint: counts,
      node: ids,
      state: values,
      metadata: fc.dictionary(ids, text, { maxKeys: 2 }),
    },
    { encoding: fc.constant("bytes" as const) },
  ),
  "data.located": event("data.located", { key: text, node: ids, digest: text, bytes: counts }),
  "anomaly.recorded": event("anomaly.recorded", { kind: ids, detail: text }, { step: ids }),
  "user.noted": event("user.noted", { name: ids, payload: values }, { step: ids }),
};
