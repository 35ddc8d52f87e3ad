/**
 * What the server tells a puller: messages with their place in the reply subject, and status
 * messages that say how a pull ended. Formats: NATS ADR-15 and ADR-13.
 */
import type { Msg } from "@nats-io/transport-node";

/** Where a delivered message stands, as its ack subject says. */
export interface Delivery {
  readonly stream: string;
  /** Sequence of the message in its stream. */
  readonly seq: number;
  /** This is the consumer's so-manieth delivery, counted over all messages. */
  readonly nth: number;
}

/** "$JS.ACK." stream consumer delivered seq nth time pending; or with two tokens before these. */
const SHORT_TOKENS = 9;
const STREAM_AT = 2;
const SEQ_AT = 5;
const NTH_AT = 6;

/** The delivery that an ack subject names. */
export function deliveryOf(ackSubject: string): Delivery {
  const tokens = ackSubject.split(".");
  const shift = tokens.length > SHORT_TOKENS ? 2 : 0;
  return {
    stream: tokens[STREAM_AT + shift] ?? "",
    seq: Number(tokens[SEQ_AT + shift]),
    nth: Number(tokens[NTH_AT + shift]),
  };
}

/** A pull lives, or ended with so many messages not delivered, or its consumer is lost. */
export type PullStatus =
  | { readonly kind: "alive"; readonly nth: number }
  | { readonly kind: "ended"; readonly undelivered: number }
  | { readonly kind: "lost" };

const HEARTBEAT = 100;
const REQUEST_TIMEOUT = 408;
const CONFLICT = 409;

/** What a message of a pull's inbox means that is no delivery. */
export function pullStatus(msg: Msg): PullStatus {
  const { headers } = msg;
  const code = headers?.code;
  if (code === HEARTBEAT)
    return { kind: "alive", nth: Number(headers?.get("Nats-Last-Consumer") || 0) };
  const undelivered = headers?.get("Nats-Pending-Messages");
  if ((code === REQUEST_TIMEOUT || code === CONFLICT) && undelivered)
    return { kind: "ended", undelivered: Number(undelivered) };
  return { kind: "lost" };
}
