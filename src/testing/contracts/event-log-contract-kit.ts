/** What the cases about the event log share: frames with readable bodies, and a follower. */

import assert from "node:assert/strict";
import { awaitedLater } from "../../kernel/async.ts";
import type { Cursor } from "../../ports/cursor.ts";
import type { EventLog, LogScope, NewFrame, Position, StoredFrame } from "../../ports/event-log.ts";
import { decode, encode } from "./contents.ts";
import type { CaseContext } from "./contract.ts";

/** A frame of `workflow` (default "flow") whose bytes are `body`. */
export const frame = (
  run: string,
  expected: Position,
  body: string | Uint8Array,
  workflow = "flow",
): NewFrame => ({
  workflow,
  run,
  expected,
  bytes: typeof body === "string" ? encode(body) : body,
});

/** Appends what must succeed; returns its position. */
export async function put(log: EventLog, next: NewFrame): Promise<Position> {
  const outcome = await log.append(next);
  assert.ok(outcome.ok, `append to ${next.run} after ${next.expected} was refused`);
  return outcome.position;
}

/** Appends "a 1", "a 2" … to run a, after `expected`, one after the other; gives the positions. */
export async function putMany(
  log: EventLog,
  run: string,
  count: number,
  expected: Position = 0,
  workflow = "flow",
): Promise<readonly Position[]> {
  const positions: Position[] = [];
  for (let nth = 1; nth <= count; nth += 1) {
    const after = positions.at(-1) ?? expected;
    positions.push(await put(log, frame(run, after, `${run} ${nth}`, workflow)));
  }
  return positions;
}

/** All items of a finite iterable. */
export async function all<T>(items: AsyncIterable<T>): Promise<readonly T[]> {
  const got: T[] = [];
  for await (const item of items) got.push(item);
  return got;
}

/** For comparing which frames came, and in what order. */
export const positionsOf = (frames: readonly StoredFrame[]): readonly Position[] =>
  frames.map((one) => one.position);

/** For comparing what came: the bytes as text. */
export const bodiesOf = (frames: readonly StoredFrame[]): readonly string[] =>
  frames.map((one) => decode(one.bytes));

/** A subscription that is read as a case says. */
export interface Follower {
  /** The next `count` frames. */
  take(count: number): Promise<readonly StoredFrame[]>;
  /** Resolves once the subscription has ended by itself; fails if it gives a frame instead. */
  ended(): Promise<void>;
  /** Aborts it and waits for its end, letting pass frames that were under way. */
  stop(): Promise<void>;
}

/** Subscribes and starts reading at the first `take`. */
export function follow(
  context: CaseContext,
  log: EventLog,
  scope: LogScope,
  after: Cursor = 0,
): Follower {
  const control = new AbortController();
  const frames = log.subscribe(scope, after, control.signal)[Symbol.asyncIterator]();
  const next = (what: string) => context.within(what, frames.next());
  const take = async (count: number): Promise<readonly StoredFrame[]> => {
    const got: StoredFrame[] = [];
    while (got.length < count) {
      const step = await next(`frame ${got.length + 1} of ${count} from a subscription`);
      assert.ok(!step.done, `the subscription ended after ${got.length} of ${count} frames`);
      got.push(step.value);
    }
    return got;
  };
  const ended = async (): Promise<void> => {
    const step = await next("the end of a subscription");
    assert.ok(step.done, "a frame came where the end was due");
  };
  return {
    take: (count) => awaitedLater(take(count)),
    ended: () => awaitedLater(ended()),
    async stop() {
      control.abort();
      for (;;) {
        const step = await next("the end of an aborted subscription");
        if (step.done) return;
      }
    },
  };
}

/** Checks that the promise rejects with a `MillraceError` of this code. */
export async function refuses(code: string, promise: Promise<unknown>): Promise<void> {
  await assert.rejects(promise, (error: unknown) => {
    assert.equal((error as { code?: unknown }).code, code, String(error));
    return true;
  });
}
