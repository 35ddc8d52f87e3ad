/** Recorded events in words, for people. Programs read them with `--json`. */
import type { ApprovalRequest, Decision } from "../../machines/approval.ts";
import type { Placement } from "../../machines/placement.ts";
import type { ForkPoint } from "../../machines/run-data.ts";
import type { StepEvent } from "../../machines/step-data.ts";
import type { Failure, Value } from "../../machines/values.ts";
import { type Version, versionName } from "../cluster/versions.ts";
import type { MillraceEvent, OutputContent } from "../events/vocabulary.ts";
import { isRecordEvent, recordDetail, recordSubject } from "./record-event-text.ts";
import { clip, jsonText, moment } from "./render.ts";

/** The longest value shown inside a line. */
const VALUE_CHARS = 120;

/** What an event is about: its step, timer, signal; "" for the run as a whole. */
export function eventSubject(event: MillraceEvent): string {
  if ("step" in event && event.step !== undefined) return event.step;
  switch (event.type) {
    case "timer.set":
    case "timer.fired":
    case "timer.cancelled":
      return event.timer;
    case "wait.opened":
    case "wait.matched":
    case "wait.expired":
    case "wait.cancelled":
      return event.wait;
    case "signal.received":
      return event.name;
    case "signal.refused":
      return event.signal;
    case "output.emitted":
      return event.producer;
    case "checkpoint.saved":
      return event.node;
    case "data.located":
      return event.key;
    case "run.gathered":
      return event.start;
    default:
      return isRecordEvent(event) ? recordSubject(event) : "";
  }
}

/** What an event says beyond its type and subject, on one line; to be made visible before it is shown. */
export function eventDetail(event: MillraceEvent): string {
  if (isWaiting(event)) return waitingText(event);
  if (isRecordEvent(event)) return recordDetail(event);
  switch (event.type) {
    case "run.created":
      return `${event.workflow} ${valueText(event.input)}${originText(event.forkOf)}`;
    case "run.planned":
      return event.input === undefined ? "" : valueText(event.input);
    case "run.migrated":
      return `to ${versionName(event.plan as Version)} by ${event.by}: ${event.reason}`;
    case "run.continued":
      return `as ${event.next} ${valueText(event.input)}`;
    case "run.claimed":
      return `by ${event.node}, epoch ${event.epoch}`;
    case "run.parked":
      return `${event.reason}${event.until === null ? "" : ` until ${moment(event.until)}`}`;
    case "run.compensating":
      return event.error === undefined ? "cancelled" : failureText(event.error);
    case "run.resumed":
      return `by ${event.by}`;
    case "run.paused":
    case "run.terminated":
    case "run.cancelling":
      return `by ${event.by}: ${event.reason}`;
    case "run.completed":
      return valueText(event.output);
    case "run.failed":
      return failureText(event.error);
    case "user.noted":
      return `${event.name} ${valueText(event.payload)}`;
    case "output.emitted":
      return `${event.ref} ${contentText(event.content)}`;
    case "checkpoint.saved":
      return `checkpoint ${event.checkpoint} ${valueText(event.state)}`;
    case "data.located":
      return `on ${event.node}, ${event.bytes} bytes, ${event.digest}`;
    case "anomaly.recorded":
      return `${event.kind}: ${event.detail}`;
    case "run.gathered":
      return `${valueText(event.input)}, not before ${moment(event.notBefore)}`;
    case "run.cancelled":
    case "run.admitted":
      return "";
    default:
      return stepDetail(event);
  }
}

function stepDetail(event: StepEvent): string {
  switch (event.type) {
    case "step.mapped":
      return `${event.count} items`;
    case "step.started":
      return `attempt ${event.attempt} on ${event.node}${placementText(event.placement)}`;
    case "step.retrying":
      return `attempt ${event.attempt} failed, again ${moment(event.retryAt)}: ${failureText(event.error)}`;
    case "step.completed":
      return `attempt ${event.attempt} ${valueText(event.output)}`;
    case "step.held":
      return `attempt ${event.attempt} ${failureText(event.error)}`;
    case "step.rescheduled":
      return `by ${event.by}: ${event.reason}; up to attempt ${event.maxAttempts}`;
    case "step.failed":
      return `attempt ${event.attempt} ${failureText(event.error)}${toldBy(event)}`;
    case "step.skipped":
      return `${event.reason}${event.by === undefined ? "" : ` (by ${event.by})`}${event.output === undefined ? "" : ` with ${valueText(event.output)}`}`;
    case "step.cancelled":
      return event.reason;
    case "child.requested":
      return `run ${event.childRun} of ${event.childWorkflow} ${valueText(event.input)}`;
    case "child.stopping":
      return event.reason;
    case "step.scheduled":
    case "step.suspended":
    case "child.started":
      return "";
    default:
      return recordDetail(event);
  }
}

/** Who let a held step fail, and why. */
const toldBy = ({ by, reason }: { readonly by?: string; readonly reason?: string }): string =>
  by === undefined ? "" : `; by ${by}: ${reason ?? ""}`;

type Waiting = Extract<MillraceEvent, { type: `${"timer" | "signal" | "wait"}.${string}` }>;

const isWaiting = (event: MillraceEvent): event is Waiting =>
  /^(?:timer|signal|wait)\./.test(event.type);

function waitingText(event: Waiting): string {
  switch (event.type) {
    case "timer.set":
      return `due ${moment(event.due)}`;
    case "signal.received":
      return event.decision === undefined ? valueText(event.payload) : decisionText(event.decision);
    case "signal.refused":
      return event.reason;
    case "wait.opened": {
      const until = event.due === null ? "" : ` until ${moment(event.due)}`;
      if (event.approval === undefined) return `for ${event.name}${until}`;
      return `for a decision${until}: ${approvalText(event.approval)}`;
    }
    case "wait.matched":
      return `by signal ${event.signal}`;
    case "wait.expired":
      return "nothing came in time";
    case "timer.fired":
    case "timer.cancelled":
    case "wait.cancelled":
      return "";
  }
}

/** What an approval asks, and whom. */
function approvalText({ prompt, approvers }: ApprovalRequest): string {
  return approvers === undefined ? prompt : `${prompt} (${approvers.join(", ")})`;
}

/** Who decided what. */
function decisionText({ approved, by, comment }: Decision): string {
  const said = comment === undefined ? "" : `: ${comment}`;
  return `${approved ? "approved" : "rejected"} by ${by}${said}`;
}

const placementText = (placement?: Placement): string =>
  placement === undefined ? "" : ` (${placement.strategy}: ${placement.reason})`;

/** A recorded failure in one line, without its causes. */
export const failureText = ({ code, message }: Failure): string => `${code}: ${message}`;

/** A recorded value, cut to fit a line. */
export function valueText(value: Value): string {
  if ("json" in value) return clip(jsonText(value.json), VALUE_CHARS);
  if ("list" in value) return `${value.list.length} inputs`;
  if ("items" in value) return `the outputs of ${value.items} items of ${value.of}`;
  if ("kept" in value) return `${value.bytes} bytes on node ${value.node}`;
  return `${value.bytes} bytes in blob ${value.blob}`;
}

function contentText(content: OutputContent): string {
  switch (content.type) {
    case "progress":
      return `${content.stage}${content.note === undefined ? "" : `: ${content.note}`}`;
    case "partial":
      return valueText(content.chunk);
    case "artifact":
      return `${content.name} ${valueText(content.content)}`;
    case "final":
      return valueText(content.content);
  }
}

const originText = (fork: ForkPoint | undefined): string =>
  fork === undefined ? "" : ` from event ${fork.seq} of ${fork.run}`;
