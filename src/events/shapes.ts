/**
 * What each event must look like. Bytes from the log are checked against this table before anything
 * folds them: an unknown event, a missing field or a wrong type is an error, never ignored.
 */
import { MillraceError } from "../kernel/errors.ts";
import type { EventType, MillraceEvent } from "./vocabulary.ts";

type Field =
  | "string"
  | "number"
  /** A whole number from 0. */
  | "count"
  | "object"
  | "array"
  | "value"
  | "failure"
  | "boolean"
  | "approval"
  | "decision"
  | "number or null"
  | "object or null"
  | "array?"
  | `${"string" | "number" | "count" | "object" | "value" | "failure" | "boolean" | "approval" | "decision"}?`;

/** Field types per event; `?` marks what may be absent. `at` belongs to every event. */
export const shapes: { readonly [T in EventType]: Readonly<Record<string, Field>> } = {
  "run.created": {
    workflow: "string",
    content: "string",
    input: "value",
    plan: "object or null",
    labels: "object?",
    correlation: "string?",
    deadline: "number?",
    forkOf: "object?",
    parent: "object?",
    tick: "object?",
    chain: "object?",
    notBefore: "number?",
    admission: "object?",
    gather: "object?",
  },
  "run.planned": { plan: "object", input: "value?", deadline: "number?", admission: "object?" },
  "run.migrated": { plan: "object", by: "string", reason: "string" },
  "run.gathered": { start: "string", input: "value", notBefore: "number", deadline: "number?" },
  "run.admitted": {},
  "run.claimed": { epoch: "count", node: "string", lease: "string" },
  "run.parked": { reason: "string", until: "number or null", error: "failure?", faults: "count?" },
  "run.paused": { by: "string", reason: "string" },
  "run.resumed": { by: "string" },
  "run.cancelling": { by: "string", reason: "string", until: "number?" },
  "run.completed": { output: "value" },
  "run.compensating": { error: "failure?" },
  "run.failed": { error: "failure" },
  "run.cancelled": {},
  "run.terminated": { by: "string", reason: "string" },
  "run.continued": { next: "string", input: "value" },
  "timer.set": { timer: "string", due: "number" },
  "timer.fired": { timer: "string" },
  "timer.cancelled": { timer: "string" },
  "signal.received": { signal: "string", name: "string", payload: "value", decision: "decision?" },
  "signal.refused": { signal: "string", reason: "string" },
  "wait.opened": { wait: "string", name: "string", due: "number or null", approval: "approval?" },
  "wait.matched": { wait: "string", signal: "string" },
  "wait.expired": { wait: "string" },
  "wait.cancelled": { wait: "string" },
  "step.scheduled": {
    step: "string",
    maxAttempts: "count?",
    startBy: "number?",
    undo: "boolean?",
    irreversible: "boolean?",
    whenFailed: "string?",
    whenUndoFailed: "string?",
    place: "object?",
    input: "value?",
  },
  "step.suspended": { step: "string" },
  "step.mapped": { step: "string", count: "count", concurrency: "count?" },
  "step.started": {
    step: "string",
    attempt: "count",
    node: "string",
    endBy: "number?",
    input: "value?",
    grant: "string?",
    placement: "object?",
  },
  "step.retrying": { step: "string", attempt: "count", error: "failure", retryAt: "number" },
  "step.completed": { step: "string", attempt: "count", output: "value" },
  "step.held": { step: "string", attempt: "count", error: "failure" },
  "step.rescheduled": {
    step: "string",
    by: "string",
    reason: "string",
    maxAttempts: "count",
    input: "value?",
  },
  "step.failed": {
    step: "string",
    attempt: "count",
    error: "failure",
    by: "string?",
    reason: "string?",
  },
  "step.skipped": { step: "string", reason: "string", by: "string?", output: "value?" },
  "step.cancelled": { step: "string", reason: "string" },
  "child.requested": {
    step: "string",
    attempt: "count",
    childRun: "string",
    childWorkflow: "string",
    input: "value",
    onParentClose: "string",
    endBy: "number?",
    undo: "boolean?",
    whenFailed: "string?",
    whenUndoFailed: "string?",
  },
  "child.started": { step: "string", attempt: "count" },
  "child.stopping": { step: "string", attempt: "count", reason: "string", error: "failure?" },
  "ledger.opened": { name: "string", generation: "count", state: "object?" },
  "ledger.closed": {},
  "gate.asked": {
    holder: "string",
    of: "string",
    createdAt: "number",
    limits: "array",
    priority: "number",
    fair: "string",
  },
  "gate.admitted": { holder: "string" },
  "gate.released": { holder: "string" },
  "gate.gathered": { key: "string", into: "string" },
  "schedule.declared": { by: "string", spec: "object" },
  "schedule.paused": { by: "string", reason: "string" },
  "schedule.resumed": { by: "string" },
  "schedule.triggered": { order: "string", by: "string", overlap: "string?" },
  "schedule.backfilled": {
    order: "string",
    by: "string",
    from: "number",
    to: "number",
    overlap: "string",
  },
  "schedule.ticked": {
    tick: "number",
    started: "string",
    overlap: "string",
    order: "string?",
    ended: "array?",
  },
  "schedule.skipped": {
    tick: "number",
    count: "count",
    reason: "string",
    order: "string?",
    ended: "array?",
  },
  "schedule.served": { order: "string" },
  "schedule.deleted": { by: "string" },
  "output.emitted": {
    ref: "string",
    task: "string",
    attempt: "count",
    producer: "string",
    content: "object",
    parents: "array",
  },
  "checkpoint.saved": {
    checkpoint: "count",
    node: "string",
    state: "value",
    encoding: "string?",
    metadata: "object",
  },
  "data.located": { key: "string", node: "string", digest: "string", bytes: "count" },
  "anomaly.recorded": { kind: "string", detail: "string", step: "string?" },
  "user.noted": { name: "string", payload: "value", step: "string?" },
};

const TYPE_SHOWN_CHARS = 64;

const entries = new Map<string, readonly (readonly [string, Field])[]>(
  Object.entries(shapes).map(([type, shape]) => [type, Object.entries(shape)]),
);

const isRecord = (found: unknown): found is Readonly<Record<string, unknown>> =>
  typeof found === "object" && found !== null && !Array.isArray(found);

const isCount = (found: unknown): boolean => Number.isSafeInteger(found) && (found as number) >= 0;

function isValue(found: unknown): boolean {
  if (!isRecord(found)) return false;
  if ("json" in found) return true;
  if ("list" in found) return Array.isArray(found["list"]) && found["list"].every(isValue);
  if ("items" in found) return isCount(found["items"]) && typeof found["of"] === "string";
  if (!isCount(found["bytes"])) return false;
  if ("kept" in found)
    return ["kept", "node", "step"].every((key) => typeof found[key] === "string");
  return typeof found["blob"] === "string";
}

/** Whether it is a recorded failure. A loop: a chain of causes written by something else may be of any length. */
export function isFailure(found: unknown): boolean {
  for (let failure = found; failure !== undefined; failure = failure["cause"]) {
    if (!isRecord(failure)) return false;
    if (typeof failure["code"] !== "string" || typeof failure["message"] !== "string") return false;
  }
  return true;
}

const isText = (found: unknown): boolean => typeof found === "string";

const ON_TIMEOUT: ReadonlySet<unknown> = new Set(["reject", "approve", "fail"]);

function isApproval(found: unknown): boolean {
  if (!isRecord(found) || !isText(found["prompt"]) || !ON_TIMEOUT.has(found["onTimeout"]))
    return false;
  const { approvers } = found as { approvers?: unknown };
  return approvers === undefined || (Array.isArray(approvers) && approvers.every(isText));
}

/** Whether it says what somebody decided; also asked of what comes from outside. */
export const isDecision = (found: unknown): boolean =>
  isRecord(found) &&
  typeof found["approved"] === "boolean" &&
  isText(found["by"]) &&
  (found["comment"] === undefined || isText(found["comment"]));

function matches(found: unknown, field: Field): boolean {
  switch (field) {
    case "string":
      return isText(found);
    case "number":
      // JSON can spell numbers that are infinite here: 1e999.
      return Number.isFinite(found);
    case "number or null":
      return found === null || Number.isFinite(found);
    case "count":
      return isCount(found);
    case "boolean":
      return typeof found === "boolean";
    case "array":
      return Array.isArray(found);
    case "object":
      return isRecord(found);
    case "object or null":
      return found === null || isRecord(found);
    case "value":
      return isValue(found);
    case "failure":
      return found !== undefined && isFailure(found);
    case "approval":
      return isApproval(found);
    case "decision":
      return isDecision(found);
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
  if (shape === undefined) {
    const type = String(JSON.stringify(event["type"])).slice(0, TYPE_SHOWN_CHARS);
    throw invalid(`unknown event ${type}`);
  }
  if (event["at"] === undefined) event["at"] = frameAt;
  else if (!Number.isFinite(event["at"])) {
    throw invalid(`${String(event["type"])}.at is not a time`);
  }
  for (const [name, field] of shape) {
    if (!matches(event[name], field)) {
      throw invalid(`${String(event["type"])}.${name} is not a ${field.replace("?", "")}`);
    }
  }
  return event as unknown as MillraceEvent;
}

const invalid = (what: string): MillraceError =>
  new MillraceError(
    "E_FRAME_INVALID",
    `${what}; the frame was written by something else or by a newer version of millrace`,
  );
