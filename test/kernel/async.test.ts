// Promise plumbing: the feed, the wait that never rejects, timers beyond what Node can wait for.
import assert from "node:assert/strict";
import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import { deferred, Feed } from "../../src/kernel/async.ts";
import { pause, systemClock } from "../../src/kernel/clock.ts";

const DAY_MS = 86_400_000;

async function rest<T>(feed: Feed<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of feed) items.push(item);
  return items;
}

describe("deferred", () => {
  it("settles once", async () => {
    const first = deferred<number>();
    first.resolve(1);
    first.resolve(2);
    first.reject(new Error("late"));
    expect(await first.promise).toBe(1);
  });
});

describe("Feed", () => {
  it("gives what was pushed, in order, then ends: pushed before or after it was asked for", async () => {
    const feed = new Feed<number>();
    const early = feed.next();
    feed.push(1);
    feed.push(2);
    feed.end();
    feed.push(3);
    expect(await early).toEqual({ done: false, value: 1 });
    expect(await rest(feed)).toEqual([2]);
    expect(await feed.next()).toEqual({ done: true, value: undefined });
  });

  it("gives an undefined that was pushed", async () => {
    const feed = new Feed<undefined | number>();
    feed.push(undefined);
    feed.push(1);
    feed.end();
    expect(await rest(feed)).toEqual([undefined, 1]);
  });

  it("rejects its reader once after all pushed items, then is over", async () => {
    const feed = new Feed<number>();
    const reason = new Error("cut");
    feed.push(1);
    feed.fail(reason);
    feed.fail(new Error("another"));
    expect(await feed.next()).toEqual({ done: false, value: 1 });
    await expect(feed.next()).rejects.toBe(reason);
    expect(await feed.next()).toEqual({ done: true, value: undefined });
  });

  it("rejects a reader that waits already", async () => {
    const feed = new Feed<number>();
    const waiting = feed.next();
    feed.fail("why");
    await expect(waiting).rejects.toBe("why");
    expect(await feed.next()).toEqual({ done: true, value: undefined });
  });

  it("tells its owner when the reader leaves, and gives nothing more", async () => {
    const onReturn = vi.fn();
    const feed = new Feed<number>(onReturn);
    feed.push(1);
    feed.push(2);
    for await (const item of feed) {
      expect(item).toBe(1);
      break;
    }
    expect(onReturn).toHaveBeenCalledTimes(1);
    expect(await feed.next()).toEqual({ done: true, value: undefined });
  });

  it("does not fail a reader that has left", async () => {
    const feed = new Feed<number>();
    feed.fail(new Error("unseen"));
    await feed.return();
    expect(await feed.next()).toEqual({ done: true, value: undefined });
  });

  it("ends a reader that waits when it is returned", async () => {
    const feed = new Feed<number>();
    const waiting = feed.next();
    await feed.return();
    expect(await waiting).toEqual({ done: true, value: undefined });
  });

  it("loses and repeats nothing, however pushes and reads are mixed", async () => {
    const property = fc.asyncProperty(
      fc.array(fc.constantFrom("push", "read"), { maxLength: 40 }),
      async (moves) => {
        const feed = new Feed<number>();
        const reads: Promise<IteratorResult<number>>[] = [];
        let pushed = 0;
        for (const move of moves) {
          if (move === "push") feed.push(pushed++);
          // One reader at a time: it asks again only when it was answered.
          else if (reads.length <= pushed) reads.push(feed.next());
        }
        feed.end();
        const got = (await Promise.all(reads)).filter((read) => !read.done);
        const values = [...got.map((read) => read.value), ...(await rest(feed))];
        assert.deepEqual(
          values,
          Array.from({ length: pushed }, (_, index) => index),
        );
      },
    );
    await fc.assert(property);
  });
});

describe("the system clock", () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  it("waits longer than Node's longest timeout, and never fires early", () => {
    vi.useFakeTimers();
    const fire = vi.fn();
    systemClock().after(100 * DAY_MS, fire);
    vi.advanceTimersByTime(100 * DAY_MS - 1);
    expect(fire).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(fire).toHaveBeenCalledTimes(1);
    vi.advanceTimersByTime(100 * DAY_MS);
    expect(fire).toHaveBeenCalledTimes(1);
  });

  it("never asks Node for more than it can wait for", () => {
    const asked: number[] = [];
    vi.stubGlobal("setTimeout", (fire: () => void, ms: number) => {
      asked.push(ms);
      if (asked.length < 100) fire();
    });
    try {
      const fire = vi.fn();
      systemClock().after(2 ** 33, fire);
      expect(fire).toHaveBeenCalledTimes(1);
      expect(Math.max(...asked)).toBe(2 ** 31 - 1);
      expect(asked.reduce((sum, ms) => sum + ms, 0)).toBe(2 ** 33);
    } finally {
      vi.unstubAllGlobals();
    }
  });

  it("cancels a long wait also when a part of it is over", () => {
    vi.useFakeTimers();
    const fire = vi.fn();
    const cancel = systemClock().after(60 * DAY_MS, fire);
    vi.advanceTimersByTime(40 * DAY_MS);
    cancel();
    cancel();
    vi.advanceTimersByTime(400 * DAY_MS);
    expect(fire).not.toHaveBeenCalled();
    expect(vi.getTimerCount()).toBe(0);
  });

  it.each([0, -5, Number.NEGATIVE_INFINITY])("fires in a later turn for %d ms", async (ms) => {
    const fired = deferred<void>();
    let sync = true;
    systemClock().after(ms, () => (sync ? fired.reject("at once") : fired.resolve()));
    sync = false;
    await fired.promise;
  });

  it("does not keep a process alive when it is told not to", () => {
    const unref = vi.fn();
    vi.stubGlobal("setTimeout", () => ({ unref }));
    try {
      systemClock({ unref: true }).after(5, () => undefined);
      expect(unref).toHaveBeenCalledTimes(1);
    } finally {
      vi.unstubAllGlobals();
    }
  });

  it("passes all microtasks in a turn", async () => {
    let passed = 0;
    const chain = async () => {
      for (; passed < 100; passed++) await Promise.resolve();
    };
    void chain();
    await systemClock().turn();
    expect(passed).toBe(100);
  });

  it("tells the time, and measures without going back", () => {
    const clock = systemClock();
    expect(clock.now()).toBeGreaterThan(1_600_000_000_000);
    const first = clock.mono();
    expect(clock.mono()).toBeGreaterThanOrEqual(first);
  });
});

describe("pause", () => {
  it("ends after its time, or at once when it is aborted, and leaves nothing behind", async () => {
    vi.useFakeTimers();
    const stop = new AbortController();
    const removed = vi.spyOn(stop.signal, "removeEventListener");
    const slept = pause(systemClock(), 1_000, stop.signal);
    await vi.advanceTimersByTimeAsync(1_000);
    await slept;
    expect(removed).toHaveBeenCalledTimes(1);
    const cut = pause(systemClock(), 1_000, stop.signal);
    stop.abort();
    await cut;
    await pause(systemClock(), 1_000, stop.signal);
    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
  });
});
