/** The recorded value that an event carries: what may be in the blob store, and what takes room. */
import type { Value } from "../../machines/values.ts";
import type { MillraceEvent, OutputContent } from "./vocabulary.ts";

/** The value in an event; no event has more than one. */
export function carriedValue(event: MillraceEvent): Value | undefined {
  switch (event.type) {
    case "run.created":
    case "run.planned":
    case "run.continued":
    case "child.requested":
    case "run.gathered":
    case "step.scheduled":
    case "step.started":
    case "step.rescheduled":
      return event.input;
    case "run.completed":
    case "step.completed":
    case "step.skipped":
      return event.output;
    case "signal.received":
    case "user.noted":
      return event.payload;
    case "schedule.declared":
      return event.spec.input;
    case "checkpoint.saved":
      return event.state;
    case "output.emitted":
      return contentOf(event.content);
    default:
      return undefined;
  }
}

function contentOf(content: OutputContent): Value | undefined {
  if (content.type === "partial") return content.chunk;
  return content.type === "progress" ? undefined : content.content;
}
