/** Several sequences as one: finite ones by an order, endless ones as they come. */
import { Wakeup } from "../kernel/async.ts";

/**
 * Items of all sources in the order of `key`, by which each source is in order already. One item of each is
 * held.
 * @throws whatever one of them throws
 */
export async function* inOrder<T>(
  sources: readonly AsyncIterable<T>[],
  key: (item: T) => number,
): AsyncGenerator<T, void, undefined> {
  const iterators = sources.map((source) => source[Symbol.asyncIterator]());
  try {
    const steps = await Promise.all(iterators.map((iterator) => iterator.next()));
    for (;;) {
      let [least, first] = [Number.POSITIVE_INFINITY, -1];
      for (const [nth, step] of steps.entries()) {
        if (step.done || key(step.value) >= least) continue;
        [least, first] = [key(step.value), nth];
      }
      const [iterator, step] = [iterators[first], steps[first]];
      if (iterator === undefined || step === undefined || step.done) return;
      yield step.value;
      steps[first] = await iterator.next();
    }
  } finally {
    await Promise.allSettled(iterators.map((iterator) => iterator.return?.()));
  }
}

type Arrival<T> =
  | { readonly from: AsyncIterator<T>; readonly step: IteratorResult<T> }
  | { readonly failed: { readonly reason: unknown } };

/** Why sources are ended; one value, since an exception made for each would cost a stack trace. */
const ENOUGH = "nobody listens any more";

/**
 * Items of all sources as they come, those of each in its order. One item of each is taken ahead and no
 * more, so a slow reader holds all of them up, and none can push the others aside. Ends when one of them
 * ends; the others are ended by their signal.
 * @param signal ends it, and all sources
 * @param sources each follows until the signal that it is given aborts
 * @throws whatever one of them throws
 */
export async function* asTheyCome<T>(
  signal: AbortSignal,
  sources: readonly ((ends: AbortSignal) => AsyncIterable<T>)[],
): AsyncGenerator<T, void, undefined> {
  const stop = new AbortController();
  const ends = AbortSignal.any([signal, stop.signal]);
  const iterators = sources.map((source) => source(ends)[Symbol.asyncIterator]());
  const arrived: Arrival<T>[] = [];
  const news = new Wakeup();
  const tell = (arrival: Arrival<T>): void => {
    arrived.push(arrival);
    news.wake();
  };
  const ask = (from: AsyncIterator<T>): void => {
    from.next().then(
      (step) => tell({ from, step }),
      (reason: unknown) => tell({ failed: { reason } }),
    );
  };
  try {
    for (const iterator of iterators) ask(iterator);
    for (;;) {
      const arrival = arrived.shift();
      if (arrival === undefined) await news.next();
      else if ("failed" in arrival) throw arrival.failed.reason;
      else if (arrival.step.done || signal.aborted) return;
      else {
        yield arrival.step.value;
        ask(arrival.from);
      }
    }
  } finally {
    stop.abort(ENOUGH);
    // What a source throws when it is ended is told to nobody: the reader has left, or knows of a failure.
    await Promise.allSettled(iterators.map((iterator) => iterator.return?.()));
  }
}
