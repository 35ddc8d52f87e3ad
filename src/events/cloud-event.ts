/**
 * Events for systems that speak CloudEvents 1.0, in its JSON format. Attribute names are lower-case
 * letters and digits, as the specification demands; whole numbers there have 32 bits, so positions are
 * text.
 */
import { MillraceError } from "../kernel/errors.ts";
import { rfc3339 } from "../kernel/instant.ts";
import type { EventType, RecordedEvent } from "./vocabulary.ts";

/** A recorded event as a CloudEvent. What follows `datacontenttype` are extension attributes. */
export interface CloudEvent {
  readonly specversion: "1.0";
  /** Its commit and its `seq`: unique, and the same whenever the event is sent again. */
  readonly id: string;
  readonly source: string;
  readonly type: `millrace.${EventType}`;
  /** The run, or `run/step` for an event about a step. */
  readonly subject: string;
  readonly time: string;
  readonly datacontenttype: "application/json";
  readonly workflow: string;
  readonly run: string;
  readonly seq: number;
  readonly position: string;
  readonly commit: string;
  readonly node: string;
  readonly epoch: number;
  /** Orders the events of one source as text, of a log of several partitions those of one run: position, then `seq`. */
  readonly sequence: string;
  /** The run: events with the same one belong in order. */
  readonly partitionkey: string;
  /** The event's own fields: see docs/events.md. */
  readonly data: Readonly<Record<string, unknown>>;
}

/** How events become CloudEvents. */
export interface CloudEventOptions {
  /** Says which installation it is, best as an absolute URI. @default "/millrace" */
  readonly source?: string;
}

/** Digits of the largest position, and of the largest `seq`. */
const [POSITION_DIGITS, SEQ_DIGITS] = [16, 7];

/**
 * The event as a CloudEvent.
 * @throws MillraceError `E_OPTION_INVALID` for a source with blanks, or of nothing
 */
export function toCloudEvent(event: RecordedEvent, options: CloudEventOptions = {}): CloudEvent {
  const { source = "/millrace" } = options;
  if (typeof source !== "string" || !/^[!-~]+$/.test(source)) {
    throw new MillraceError(
      "E_OPTION_INVALID",
      "source: must be a URI, or a part of one, of visible ASCII characters",
      { details: { option: "source" } },
    );
  }
  const { type, at, run, workflow, seq, position, commit, writer, ...data } = event;
  const step = "step" in event ? event.step : undefined;
  const ordered = [
    String(position).padStart(POSITION_DIGITS, "0"),
    String(seq).padStart(SEQ_DIGITS, "0"),
  ];
  return {
    specversion: "1.0",
    id: `${commit}.${seq}`,
    source,
    type: `millrace.${type}`,
    subject: step === undefined ? run : `${run}/${step}`,
    time: rfc3339(at),
    datacontenttype: "application/json",
    workflow,
    run,
    seq,
    position: String(position),
    commit,
    node: writer.node,
    epoch: writer.epoch,
    sequence: ordered.join("."),
    partitionkey: run,
    data,
  };
}
