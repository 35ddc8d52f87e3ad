/**
 * What the server's answers mean: stored, refused for a reason the caller should know, or nothing
 * definite, in which case the question is asked again.
 */
import { JetStreamApiError } from "@nats-io/jetstream";
import {
  ClosedConnectionError,
  DrainingConnectionError,
  type Msg,
  PermissionViolationError,
  RequestError,
  TimeoutError,
} from "@nats-io/transport-node";
import { MillraceError } from "../../kernel/errors.ts";
import type { Reply, Silence } from "./requests.ts";

/** Why a question must be asked again. "no stream": it is not there, or not there yet. */
export type Reason = Silence | "busy" | "no stream";

/** No definite answer: the server is away, busy, or did not say. Ask again. */
export class Away {
  readonly why: Reason;

  constructor(why: Reason) {
    this.why = why;
  }
}

/** The error of a JetStream answer, in the server's own words. */
export interface ApiError {
  readonly code: number;
  readonly err_code: number;
  readonly description: string;
}

/** The outcome of a publish that expects a revision: stored, or what the revision really is. */
export type Stored = { readonly seq: number } | { readonly wrongLast: number };

/** JetStream's codes for errors that are told apart. */
export const apiCodes = {
  noMessageFound: 10_037,
  notEnabledForAccount: 10_039,
  sequenceNotFound: 10_043,
  streamStoreFailed: 10_049,
  messageTooLarge: 10_054,
  deleteFailed: 10_057,
  streamNameTaken: 10_058,
  streamNotFound: 10_059,
  wrongLastSequence: 10_071,
  headersTooLarge: 10_097,
} as const;

/**
 * Refusals that pass by themselves: no quorum or leader just now (10008, 10158), too many requests
 * in flight (10163), a write to the same run in flight in the cluster (10164).
 */
const PASSING: readonly number[] = [10_008, 10_158, 10_163, 10_164];
const UNAVAILABLE = 503;

/** The message of a reply, or `Away` with the reason for there being none. */
export const messageOf = (reply: Reply): Msg | Away =>
  "msg" in reply ? reply.msg : new Away(reply.none);

/** A JetStream answer as JSON. Errors that do not pass are for the caller to look at. */
export function answerOf<T>(reply: Reply): (T & { readonly error?: ApiError }) | Away {
  const msg = messageOf(reply);
  if (msg instanceof Away) return msg;
  const answer = msg.json<T & { readonly error?: ApiError }>();
  return (answer.error && ofApi(answer.error)) ?? answer;
}

/**
 * What became of an acknowledged publish.
 * @throws MillraceError `E_TOO_LARGE`, or `E_STORE_UNAVAILABLE` when the server refuses to store
 *   more (its limits are reached, its disk is full); nothing was stored then
 */
export function storedOf(reply: Reply): Stored | Away {
  const answer = answerOf<{ readonly seq: number }>(reply);
  if (answer instanceof Away || answer.error === undefined) return answer;
  const { err_code: code, description } = answer.error;
  if (code === apiCodes.wrongLastSequence)
    return { wrongLast: Number(/\d+$/.exec(description)?.[0] ?? 0) };
  throw refusal(answer.error);
}

/** The server's error as ours, for answers that are not expected. */
export function refusal({ err_code: code, description }: ApiError): MillraceError {
  const details = { apiCode: code };
  if (code === apiCodes.messageTooLarge || code === apiCodes.headersTooLarge)
    return new MillraceError(
      "E_TOO_LARGE",
      `the server takes no message of this size (${description}); raise the limits of server and stream, or keep large values out of events`,
      { details },
    );
  return new MillraceError(
    "E_STORE_UNAVAILABLE",
    `the NATS server refuses (${description}, code ${code}); look at its limits, disk and log`,
    { details },
  );
}

/** What an error thrown by the client library says about the server; undefined: something else. */
export function awayOf(error: unknown): Away | undefined {
  if (error instanceof TimeoutError) return new Away("timeout");
  if (error instanceof ClosedConnectionError || error instanceof DrainingConnectionError)
    return new Away("closed");
  if (error instanceof JetStreamApiError) return ofApi(error.apiError());
  if (error instanceof RequestError) {
    if (error.isNoResponders()) return new Away("no responders");
    return new Away(error.cause instanceof PermissionViolationError ? "denied" : "disconnected");
  }
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof RequestError ? awayOf(cause) : undefined;
}

function ofApi({ code, err_code }: ApiError): Away | undefined {
  if (err_code === apiCodes.streamNotFound) return new Away("no stream");
  return code === UNAVAILABLE || PASSING.includes(err_code) ? new Away("busy") : undefined;
}
