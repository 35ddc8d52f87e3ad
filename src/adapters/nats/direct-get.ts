/**
 * Reads of stored messages by subject, answered by the server without a consumer: the cheapest way
 * to a run's frames (one request for hundreds of them). In a cluster any replica may answer, so
 * what comes may be a moment old; who decides something asks the leader, or appends.
 */
import type { Msg } from "@nats-io/transport-node";
import { Away, answerOf, apiCodes, messageOf, refusal } from "./answers.ts";
import type { Ask, Link } from "./link.ts";

/** A message as the stream keeps it. */
export interface StoredMessage {
  readonly subject: string;
  readonly seq: number;
  readonly bytes: Uint8Array;
}

/** Which messages: those of a subject, which may hold wildcards, past a sequence. */
export interface Range {
  readonly stream: string;
  readonly subject: string;
  readonly after: number;
}

/** Some stored messages, and whether more follow. */
export interface Page {
  readonly messages: readonly StoredMessage[];
  /** How many further ones there were when this page was read. */
  readonly pending: number;
}

/** One page: enough for nearly every run, and a bound on what a reader holds. */
const PAGE_MESSAGES = 512;
const PAGE_BYTES = 4 * 1024 * 1024;
const NOT_FOUND = 404;
const END_OF_BATCH = 204;

/** The bytes as the reader's own: what a message refers to is a part of the connection's buffer. */
export const ownBytes = (data: Uint8Array): Uint8Array => new Uint8Array(data);

/** The next messages of the range, at most `limit` or a page. */
export async function readPage(
  link: Link,
  ask: Ask,
  { stream, subject, after }: Range,
  limit = Number.POSITIVE_INFINITY,
): Promise<Page> {
  const query = JSON.stringify({
    seq: after + 1,
    next_by_subj: subject,
    batch: Math.min(limit, PAGE_MESSAGES),
    max_bytes: PAGE_BYTES,
  });
  return link.insist(ask, async () => {
    const messages: StoredMessage[] = [];
    const each = (msg: Msg): boolean => {
      if (msg.headers === undefined || msg.headers.code !== 0) return true;
      messages.push(storedMessage(msg));
      return false;
    };
    const reply = await link.requests.send(`$JS.API.DIRECT.GET.${stream}`, query, { each });
    const end = messageOf(reply);
    if (end instanceof Away) return end;
    const { code = 0, description = "" } = end.headers ?? {};
    if (code === NOT_FOUND) return { messages, pending: 0 };
    if (code !== END_OF_BATCH) throw refusal({ code, err_code: code, description });
    return { messages, pending: Number(end.headers?.get("Nats-Num-Pending") ?? 0) };
  });
}

/** The last message of a subject, which may hold wildcards; undefined when there is none. */
export async function lastMessage(
  link: Link,
  ask: Ask,
  stream: string,
  subject: string,
): Promise<StoredMessage | undefined> {
  const query = JSON.stringify({ last_by_subj: subject });
  return link.insist(ask, async () => {
    const msg = messageOf(await link.requests.send(`$JS.API.DIRECT.GET.${stream}`, query));
    if (msg instanceof Away) return msg;
    const { code = 0, description = "" } = msg.headers ?? {};
    if (code === NOT_FOUND) return undefined;
    if (code !== 0) throw refusal({ code, err_code: code, description });
    return storedMessage(msg);
  });
}

/** What the leader is asked for: the message at a sequence, the next of a subject, or the last. */
export type LeaderQuery =
  | { readonly seq: number; readonly next_by_subj?: string }
  | { readonly last_by_subj: string };

/** The same from the stream's leader: slower, but not behind. One attempt. */
export async function askLeader(
  link: Link,
  stream: string,
  query: LeaderQuery,
): Promise<StoredMessage | undefined | Away> {
  const subject = `$JS.API.STREAM.MSG.GET.${stream}`;
  const reply = await link.requests.send(subject, JSON.stringify(query));
  const answer = answerOf<{ readonly message: { subject: string; seq: number; data?: string } }>(
    reply,
  );
  if (answer instanceof Away) return answer;
  if (answer.error?.err_code === apiCodes.noMessageFound) return undefined;
  if (answer.error) throw refusal(answer.error);
  const { data = "", ...place } = answer.message;
  return { ...place, bytes: new Uint8Array(Buffer.from(data, "base64")) };
}

function storedMessage(msg: Msg): StoredMessage {
  const { headers } = msg;
  return {
    subject: headers?.get("Nats-Subject") ?? "",
    seq: Number(headers?.get("Nats-Sequence")),
    bytes: ownBytes(msg.data),
  };
}
