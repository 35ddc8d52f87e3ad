/** What is stored of one subject, in order: page by page, or by a consumer when it is long. */
import { askLeader, type Range, readPage, type StoredMessage } from "./direct-get.ts";
import type { Ask, Link } from "./link.ts";
import { scan } from "./scan.ts";

/** More messages than this after the first page: a consumer reads them quicker than pages do. */
const LONG = 2_000;

/** All messages of the range that are there when the reading begins, at most `limit`. */
export async function* history(
  link: Link,
  ask: Ask,
  range: Range,
  limit = Number.POSITIVE_INFINITY,
): AsyncGenerator<StoredMessage, void, undefined> {
  const first = await readPage(link, ask, range, limit);
  yield* first.messages;
  const last = first.messages.at(-1);
  const left = Math.min(first.pending, limit - first.messages.length);
  if (last === undefined || left <= 0) return;
  const rest = { ...range, after: last.seq };
  yield* left > LONG ? scan(link, ask, rest, left) : pages(link, ask, rest, left);
}

/**
 * What the leader has of the range beyond what a replica gave, one by one: nothing, nearly always. In a
 * cluster only this makes a reading complete.
 */
export async function* beyond(
  link: Link,
  ask: Ask,
  { stream, subject, after }: Range,
): AsyncGenerator<StoredMessage, void, undefined> {
  for (let seq = after + 1; ; ) {
    const query = { seq, next_by_subj: subject };
    const found = await link.insist(ask, () => askLeader(link, stream, query));
    if (found === undefined) return;
    yield found;
    seq = found.seq + 1;
  }
}

async function* pages(
  link: Link,
  ask: Ask,
  range: Range,
  count: number,
): AsyncGenerator<StoredMessage, void, undefined> {
  let { after } = range;
  for (let left = count; left > 0; ) {
    const page = await readPage(link, ask, { ...range, after }, left);
    yield* page.messages;
    left -= page.messages.length;
    const last = page.messages.at(-1);
    if (last === undefined || page.pending === 0) return;
    after = last.seq;
  }
}

/** All messages of the range that are there, in pages of `size`: for a reader that wants few of them. */
export async function* inPages(
  link: Link,
  ask: Ask,
  range: Range,
  size: number,
): AsyncGenerator<StoredMessage, void, undefined> {
  let { after } = range;
  for (;;) {
    const page = await readPage(link, ask, { ...range, after }, size);
    yield* page.messages;
    const last = page.messages.at(-1);
    if (last === undefined || page.pending === 0) return;
    after = last.seq;
  }
}
