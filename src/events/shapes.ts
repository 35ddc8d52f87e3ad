/**
 * What each event must look like. Bytes from the log are checked against this table before anything
 * folds them: an unknown event, a missing field or a wrong type is an error, never ignored.
 */
import { MillraceError } from "../kernel/errors.ts";
import type { EventType, MillraceEvent } from "./vocabulary.ts";

type Field =
  | "string"
  | "number"
  | "object"
  | "array"
  | "any"
  | `${"string" | "number" | "object"}?`;

const value = "object";

/** Field types per event; `?` marks what may be absent. `at` belongs to every event. */
export const shapes: { readonly [T in EventType]: Readonly<Record<string, Field>> } = {
  "run.created": {
    workflow: "string",
    content: "string",
    input: value,
    plan: "object",
    labels: "object?",
  },
  "run.claimed": { epoch: "number", node: "string", lease: "string" },
  "run.parked": { reason: "string", until: "any" },
  "run.cancelling": { by: "string", reason: "string" },
  "run.completed": { output: value },
  "run.failed": { error: "object" },
  "run.cancelled": {},
  "timer.set": { timer: "string", due: "number" },
  "timer.fired": { timer: "string" },
  "signal.received": { signal: "string", name: "string", payload: value },
  "step.scheduled": { step: "string", maxAttempts: "number?", startBy: "number?" },
  "step.mapped": { step: "string", count: "number" },
  "step.started": { step: "string", attempt: "number", node: "string", endBy: "number?" },
  "step.retrying": { step: "string", attempt: "number", error: "object", retryAt: "number" },
  "step.completed": { step: "string", attempt: "number", output: value },
  "step.failed": { step: "string", attempt: "number", error: "object" },
  "step.skipped": { step: "string", reason: "string" },
  "step.cancelled": { step: "string", reason: "string" },
  "output.emitted": {
    ref: "string",
    task: "string",
    attempt: "number",
    producer: "string",
    content: "object",
    parents: "array",
  },
  "checkpoint.saved": { checkpoint: "number", node: "string", state: value, metadata: "object" },
  "data.located": { key: "string", node: "string", digest: "string", bytes: "number" },
  "anomaly.recorded": { kind: "string", detail: "string", step: "string?" },
  "user.noted": { name: "string", payload: value, step: "string?" },
};

const entries = new Map<string, readonly (readonly [string, Field])[]>(
  Object.entries(shapes).map(([type, shape]) => [type, Object.entries(shape)]),
);

function matches(found: unknown, field: Field): boolean {
  switch (field) {
    case "any":
      return found !== undefined;
    case "array":
      return Array.isArray(found);
    case "object":
      return typeof found === "object" && found !== null && !Array.isArray(found);
    case "string":
    case "number":
      return typeof found === field;
    default:
      return found === undefined || matches(found, field.slice(0, -1) as Field);
  }
}

/**
 * `raw` as an event, given the time of its frame when it carries none of its own.
 * @throws MillraceError `E_FRAME_INVALID` naming what is wrong
 */
export function checkEvent(raw: unknown, frameAt: number): MillraceEvent {
  if (typeof raw !== "object" || raw === null) throw invalid(`an event is ${typeof raw}`);
  const event = raw as Record<string, unknown>;
  const shape = entries.get(event["type"] as string);
  if (shape === undefined) throw invalid(`unknown event ${JSON.stringify(event["type"])}`);
  if (event["at"] === undefined) event["at"] = frameAt;
  else if (typeof event["at"] !== "number")
    throw invalid(`${String(event["type"])}.at is not a time`);
  for (const [name, field] of shape) {
    if (!matches(event[name], field)) {
      throw invalid(`${String(event["type"])}.${name} is not ${field}`);
    }
  }
  return event as unknown as MillraceEvent;
}

const invalid = (what: string): MillraceError =>
  new MillraceError(
    "E_FRAME_INVALID",
    `${what}; the frame was written by something else or by a newer version of millrace`,
  );
