/**
 * Signals to a correlation key. Each is kept in an inbox of the key before the runs that have the key are
 * looked up, and a run looks into that inbox when it is hosted first, after it was created. So a run
 * that is started at that very moment is found by one of the two, or by both: its signal's id is taken once.
 */
import type { RunState } from "../../domain/state.ts";
import { digest } from "../../kernel/json.ts";
import { limits } from "../../kernel/limits.ts";
import { addressOfKey } from "../../ports/inbox.ts";
import type { Engine } from "../engine.ts";
import { decodeInput, encodeInput, type Input } from "./input.ts";

/** A signal as runs take it. */
export type SignalInput = Extract<Input, { kind: "signal" }>;

/** Which of the runs with the key; what is absent does not matter. */
export interface KeptFor {
  readonly workflow?: string;
  readonly labels?: Readonly<Record<string, string>>;
}

/** A signal that waits for runs which do not exist yet. */
export interface KeptSignal {
  readonly signal: SignalInput;
  /** Runs that were created by then get it (ms since the epoch). */
  readonly until: number;
  readonly where: KeptFor;
}

const addressOf = (key: string): string => addressOfKey(digest(key));

/** Keeps the signal for runs that are started with the key; again with the same id: nothing changes. */
export async function keepForKey(engine: Engine, key: string, kept: KeptSignal): Promise<void> {
  const { inbox } = engine.store;
  const address = addressOf(key);
  const before = await inbox.read(address, 0);
  const forgotten = engine.world.clock.now() - limits.inputKeptMs;
  let upTo = 0;
  for (const { position, bytes } of before) {
    const old = decodeKept(bytes);
    if (old !== undefined && old.until >= forgotten) break;
    upTo = position;
  }
  if (upTo > 0) await inbox.discard(address, upTo);
  const { id } = kept.signal;
  const isKnown = before.some(({ bytes }) => {
    const old = decodeKept(bytes);
    return old?.signal.id === id && old.until >= kept.until;
  });
  if (!isKnown) await inbox.post(address, encodeKept(kept));
}

/**
 * Puts what is kept for the run's key into its own inbox; to be called before it is hosted first, and after a
 * host could not go on with it.
 */
export async function collectForRun(engine: Engine, { id, run }: RunState): Promise<void> {
  const { correlation, epoch, faults, chain } = run.context;
  // Who goes on for another has its inbox, and what that one had collected.
  if (correlation === null || (epoch > 0 && faults === 0) || chain !== null) return;
  const { inbox } = engine.store;
  for (const { bytes } of await inbox.read(addressOf(correlation), 0)) {
    const kept = decodeKept(bytes);
    if (kept !== undefined && isFor(kept, run.context)) {
      await inbox.post(id, encodeInput(kept.signal));
    }
  }
}

const isFor = (
  { until, where }: KeptSignal,
  { workflow, labels, createdAt }: RunState["run"]["context"],
): boolean =>
  createdAt <= until &&
  (where.workflow ?? workflow) === workflow &&
  Object.entries(where.labels ?? {}).every(([name, value]) => labels[name] === value);

/** What is kept for runs of the key. */
export async function* keptForKey({ store }: Engine, key: string): AsyncGenerator<SignalInput> {
  for (const { bytes } of await store.inbox.read(addressOf(key), 0)) {
    const kept = decodeKept(bytes);
    if (kept !== undefined) yield kept.signal;
  }
}

/** An input with two fields more. */
const encodeKept = ({ signal, until, where }: KeptSignal): Uint8Array =>
  encodeInput({ ...signal, until, where } as SignalInput);

/** Undefined for what is none: as with inputs of runs, anybody may have put it there. */
function decodeKept(bytes: Uint8Array): KeptSignal | undefined {
  const input = decodeInput(bytes);
  if (input?.kind !== "signal") return undefined;
  const { until, where, ...signal } = input as SignalInput & Partial<Omit<KeptSignal, "signal">>;
  if (typeof until !== "number" || typeof where !== "object" || where === null) return undefined;
  return { signal, until, where };
}
