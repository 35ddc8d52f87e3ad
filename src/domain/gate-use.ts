/** How full the limits of a gate are, and who waits under each, for people who look. Pure. */
import { type GateContext, type Limit, limitKey } from "../../machines/gate-data.ts";
import { roomAt, useOf } from "./gate.ts";

/** One limit, as those with one key meet it. */
export interface LimitState {
  /** "concurrency", "rateLimit"; "concurrency.2" is the second one of a workflow. */
  readonly name: string;
  /** "" for a limit without keys. */
  readonly key: string;
  /** At most so many at once, or, with `perMs`, so many admissions in any span of that length. */
  readonly limit: number;
  readonly perMs: number | null;
  /** How many there are now: runs at work, or admissions in the span that ends now. */
  readonly used: number;
  /** Places, or tokens, that are left. */
  readonly free: number;
  /** When time gives the next token (ms since the epoch); null: there is one, or a run must end first. */
  readonly freeAt: number | null;
  /** How many wait under it, for whatever reason. */
  readonly waiting: number;
  /** The one of them that asked first. */
  readonly oldest: { readonly run: string; readonly since: number } | null;
}

interface Line {
  readonly limit: Limit;
  waiting: number;
  oldest: { readonly run: string; readonly since: number } | null;
}

/** Every limit and key of the gate that somebody holds, waits under, or has used lately; by name and key. */
export function limitStates(context: GateContext, now: number): LimitState[] {
  const lines = new Map<string, Line>();
  const lineOf = (limit: Limit): Line => {
    const key = limitKey(limit);
    const line = lines.get(key) ?? { limit, waiting: 0, oldest: null };
    lines.set(key, line);
    return line;
  };
  for (const { limits } of Object.values(context.holders)) for (const one of limits) lineOf(one);
  for (const limit of spansOf(context)) lineOf(limit);
  for (const [run, { limits, at: since }] of Object.entries(context.waiting)) {
    for (const limit of limits) {
      const line = lineOf(limit);
      line.waiting++;
      if (line.oldest === null || since < line.oldest.since) line.oldest = { run, since };
    }
  }
  return [...lines.values()]
    .map((line) => stateOf(context, line, now))
    .filter(({ used, waiting }) => used > 0 || waiting > 0)
    .sort((a, b) => compare(a.name, b.name) || compare(a.key, b.key));
}

const compare = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0);

/** Limits by time whose holders may all have ended: only their counts are left. */
function* spansOf({ times, numbers }: GateContext): Generator<Limit> {
  for (const sign of Object.keys(times)) {
    const at = sign.indexOf(":");
    const [name, key] = [sign.slice(0, at), sign.slice(at + 1)];
    const number = numbers[limitKey({ name, key: "" })];
    if (number?.perMs !== undefined) yield { name, key, limit: number.limit, perMs: number.perMs };
  }
}

function stateOf(context: GateContext, { limit, waiting, oldest }: Line, now: number): LimitState {
  const { name, key, limit: most, perMs, used } = useOf(context, limit, now);
  const at = roomAt(context, limit, now);
  return {
    ...{ name, key, limit: most, perMs: perMs ?? null, used },
    free: Math.max(0, most - used),
    freeAt: at > now && Number.isFinite(at) ? at : null,
    ...{ waiting, oldest },
  };
}
