/**
 * The frames of one run read backwards: each says in its headers which one it followed, for that is what its
 * append expected. A run that has slept has its few frames far apart, and for a page of a subject the server
 * looks through all that lies between (docs/adr/0007).
 */
import { Away, messageOf } from "./answers.ts";
import { ownBytes, type Range, type StoredMessage } from "./direct-get.ts";
import type { Ask, Link } from "./link.ts";

/** Longer stretches are read by pages: one request for hundreds of frames. */
const WALK_MAX = 8;
const EXPECTED = "Nats-Expected-Last-Subject-Sequence";

interface Linked {
  readonly message: StoredMessage;
  /** Sequence of the message before it under the same run; undefined: it does not say. */
  readonly previous: number | undefined;
}

/**
 * All messages of a run past `after`, in order. Undefined when there may be more than these few, or when one
 * is not there that should be (a replica that is behind, a run that was erased): read them by pages then.
 */
export async function walkBack(
  link: Link,
  ask: Ask,
  { stream, subject, after }: Range,
): Promise<readonly StoredMessage[] | undefined> {
  const found: StoredMessage[] = [];
  let one = await get(link, ask, stream, { last_by_subj: subject });
  for (; one !== undefined; ) {
    const { message, previous } = one;
    if (message.seq <= after) break;
    found.push(message);
    if (previous === undefined) return undefined;
    if (previous <= after) break;
    if (found.length >= WALK_MAX) return undefined;
    one = await get(link, ask, stream, { seq: previous });
    if (one === undefined) return undefined;
  }
  return found.reverse();
}

type Query = { readonly last_by_subj: string } | { readonly seq: number };

async function get(
  link: Link,
  ask: Ask,
  stream: string,
  query: Query,
): Promise<Linked | undefined> {
  return link.insist(ask, async () => {
    const subject = `$JS.API.DIRECT.GET.${stream}`;
    const msg = messageOf(await link.requests.send(subject, JSON.stringify(query)));
    if (msg instanceof Away) return msg;
    const { headers, data } = msg;
    // Anything but a message: those who read by pages find out what it is.
    if (headers === undefined || headers.code !== 0) return undefined;
    const expected = headers.get(EXPECTED);
    const message = {
      subject: headers.get("Nats-Subject"),
      seq: Number(headers.get("Nats-Sequence")),
      bytes: ownBytes(data),
    };
    return { message, previous: expected === "" ? undefined : Number(expected) };
  });
}
