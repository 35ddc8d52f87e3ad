/**
 * What a port promises, as data: a list of cases per port that any test runner, or `doctor` against
 * a live server, can execute. A case fails by throwing; nothing here knows a test framework.
 */
import { type Clock, pause, systemClock } from "../../kernel/clock.ts";
import { MillraceError } from "../../kernel/errors.ts";
import type { Store } from "../../ports/store.ts";

/**
 * What not every backend can do. `durable`: what was written is there when the place is opened
 * again. `shared`: the place can be opened several times at once, as by several processes. `ordered`: its log
 * has one order over all runs, because it has one partition; `partitioned`: it has several.
 */
export type Capability = "durable" | "shared" | "ordered" | "partitioned";

/** The lease in ms that a place gives its stores: short, so that cases can wait for its end. */
export const contractLeaseMs = 1_500;

/** An empty scratch place (a memory, a file, a namespace of a server) made for one case. */
export interface Place {
  readonly capabilities: readonly Capability[];
  /** Of its log; default: 1. */
  readonly partitions?: number;
  /** The clock its stores live by; default: the machine's. */
  readonly clock?: Clock;
  /**
   * Opens a store here, with `leaseMs: contractLeaseMs`, as the process called `node` (default
   * "node-1"). Called again while one is open (only if `shared`): another process.
   */
  open(node?: string): Promise<Store>;
  /** Removes every trace; all stores are closed by then. */
  destroy(): Promise<void>;
}

/** What a case works with. Stores it opened are closed by the runner. */
export interface CaseContext {
  readonly clock: Clock;
  /** The first opening of the place; `node` defaults to "node-1". */
  open(node?: string): Promise<Store>;
  /** A further opening at the same time, as by another process; defaults to "node-2", "node-3" … */
  peer(node?: string): Promise<Store>;
  /** Closes the store and opens its place again, as the same node. */
  reopen(store: Store): Promise<Store>;
  sleep(ms: number): Promise<void>;
  /** What `promise` gives; fails when it takes longer than `ms` (default 30,000). */
  within<T>(what: string, promise: Promise<T>, ms?: number): Promise<T>;
  /** Asks again and again until the answer is true; fails after `ms` (default 30,000). */
  eventually(what: string, check: () => boolean | Promise<boolean>, ms?: number): Promise<void>;
}

/** One promise of a port, and how to see whether it is kept: `run` throws if it is not. */
export interface ContractCase {
  /** A sentence about the port, unique in its suite. */
  readonly name: string;
  /** The case means nothing for a place that lacks one of these. */
  readonly requires?: readonly Capability[];
  run(context: CaseContext): Promise<void>;
}

/** How a case ended. */
export interface CaseResult {
  readonly name: string;
  readonly outcome: "passed" | "failed" | "not applicable";
  /** What a failed case threw. */
  readonly error?: unknown;
}

/** How long one wait of a case may take. Generous: timing is not the subject. */
const PATIENCE_MS = 30_000;
const ASK_EVERY_MS = 10;
/** How long a whole case may take: an adapter that never answers fails it instead of hanging it. */
const CASE_MS = 60_000;

/** Runs the cases one after the other, each in a fresh place. A case that fails is a result. */
export async function* runContract(
  cases: readonly ContractCase[],
  place: () => Promise<Place>,
): AsyncGenerator<CaseResult, void, undefined> {
  for (const test of cases) {
    const { name } = test;
    yield await runCase(test, place).then(
      (outcome) => ({ name, outcome }),
      (error: unknown) => ({ name, outcome: "failed" as const, error }),
    );
  }
}

/** Runs one case in a fresh place. Rejects with what it, or the cleaning up after it, threw. */
export async function runCase(
  test: ContractCase,
  makePlace: () => Promise<Place>,
): Promise<"passed" | "not applicable"> {
  const place = await makePlace();
  const failures: unknown[] = [];
  const note = (error: unknown): void => void failures.push(error);
  const { capabilities, partitions = 1 } = place;
  const has = new Set<Capability>([...capabilities, partitions === 1 ? "ordered" : "partitioned"]);
  const lacking = test.requires?.some((needed) => !has.has(needed)) ?? false;
  const clock = place.clock ?? systemClock();
  const opened = new Map<Store, string>();
  if (!lacking) {
    const context = contextOf(test, place, clock, opened);
    await within(clock, "the end of the case", test.run(context), CASE_MS).catch(note);
  }
  for (const store of opened.keys())
    await within(clock, "the closing of a store", store.close(), PATIENCE_MS).catch(note);
  await place.destroy().catch(note);
  if (failures.length > 0) throw failures[0];
  return lacking ? "not applicable" : "passed";
}

function contextOf(
  test: ContractCase,
  place: Place,
  clock: Clock,
  opened: Map<Store, string>,
): CaseContext {
  const openAs = async (node: string): Promise<Store> => {
    const store = await place.open(node);
    opened.set(store, node);
    return store;
  };
  return {
    clock,
    open: (node = "node-1") => openAs(node),
    peer(node = `node-${opened.size + 1}`) {
      demand(test, "shared");
      return openAs(node);
    },
    async reopen(store) {
      demand(test, "durable");
      await store.close();
      return openAs(opened.get(store) ?? "node-1");
    },
    sleep: (ms) => pause(clock, ms),
    within: (what, promise, ms = PATIENCE_MS) => within(clock, what, promise, ms),
    async eventually(what, check, ms = PATIENCE_MS) {
      const until = clock.mono() + ms;
      while (!(await within(clock, what, Promise.resolve(check()), ms))) {
        if (clock.mono() > until) throw tooLong(what, ms);
        await pause(clock, ASK_EVERY_MS);
      }
    },
  };
}

function demand(test: ContractCase, capability: Capability): void {
  if (test.requires?.includes(capability)) return;
  throw new MillraceError(
    "E_OPTION_INVALID",
    `contract case "${test.name}" uses a ${capability} place; add it to its \`requires\``,
  );
}

async function within<T>(clock: Clock, what: string, promise: Promise<T>, ms: number): Promise<T> {
  const done = new AbortController();
  const late = pause(clock, ms, done.signal).then(() => {
    if (!done.signal.aborted) throw tooLong(what, ms);
    return promise;
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    done.abort();
  }
}

const tooLong = (what: string, ms: number): MillraceError =>
  new MillraceError("E_TIMEOUT", `waited ${ms} ms in vain: ${what}`);
