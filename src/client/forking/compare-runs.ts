/** Two runs beside each other, event by event, from where they have nothing in common any more. */
import type { Engine } from "../../engine/engine.ts";
import { forkPointOf } from "../../engine/reading/history.ts";
import { openFrame } from "../../events/frame.ts";
import { recordedEvents } from "../../events/recorded.ts";
import type { RecordedEvent } from "../../events/vocabulary.ts";
import { existingRun } from "../existing-run.ts";
import type { Branching } from "./lineage.ts";

/** What stands at one place of two runs: in both of them, or in one only. */
export interface ComparedEvents {
  readonly left: RecordedEvent | null;
  readonly right: RecordedEvent | null;
  /** Both are there and say the same, times, nodes and ids aside. */
  readonly same: boolean;
}

/** Two runs, event by event. */
export interface Comparison {
  /** The last event that both have inherited or one has from the other; null: they have nothing in common. */
  readonly common: Branching | null;
  /** What comes after it, in the order of the left run; what only the right one has is put in between. */
  readonly events: readonly ComparedEvents[];
}

/** See `Client.compare`. */
export async function compareRuns(
  engine: Engine,
  left: string,
  right: string,
): Promise<Comparison> {
  const [one, other] = [await segments(engine, left), await segments(engine, right)];
  let common: Branching | null = null;
  for (const { run, seq } of one) {
    const theirs = other.find((segment) => segment.run === run);
    if (theirs === undefined) continue;
    common = { run, seq: Math.min(seq, theirs.seq) };
    break;
  }
  const lefts = await eventsAfter(engine, one, common);
  const rights = await eventsAfter(engine, other, common);
  return { common, events: aligned(lefts, rights) };
}

/** The runs whose events make up this one, each with the last event that counts; the run itself first. */
async function segments(engine: Engine, run: string): Promise<Branching[]> {
  const { cursor } = await existingRun(engine, run);
  const found: Branching[] = [{ run, seq: cursor.seq }];
  for (let at: Branching | undefined = found[0]; at !== undefined; ) {
    const fork: Branching | undefined = await originOf(engine, at.run);
    if (fork !== undefined) found.push({ run: fork.run, seq: fork.seq });
    at = fork;
  }
  return found;
}

async function originOf(engine: Engine, run: string): Promise<Branching | undefined> {
  for await (const { bytes } of engine.store.log.read({ run, limit: 1 })) {
    return forkPointOf(openFrame(run, bytes, engine.codecs).frame);
  }
  return undefined;
}

async function eventsAfter(
  engine: Engine,
  parts: readonly Branching[],
  common: Branching | null,
): Promise<RecordedEvent[]> {
  const end = parts.findIndex(({ run }) => run === common?.run);
  const wanted = (end < 0 ? parts : parts.slice(0, end + 1)).toReversed();
  const events: RecordedEvent[] = [];
  for (const { run, seq } of wanted) {
    const after = run === common?.run ? common.seq : 0;
    for await (const stored of engine.store.log.read({ run })) {
      const { frame } = openFrame(run, stored.bytes, engine.codecs);
      for (const event of recordedEvents(stored, frame)) {
        if (event.seq > after && event.seq <= seq) events.push(event);
      }
    }
  }
  return events;
}

/**
 * Puts events of the same kind about the same thing beside each other, the n-th of one run beside the
 * n-th of the other. Linear in both.
 */
function aligned(
  lefts: readonly RecordedEvent[],
  rights: readonly RecordedEvent[],
): ComparedEvents[] {
  const places = new Map<string, number[]>();
  for (const [index, event] of rights.entries()) {
    const key = aboutWhat(event);
    const list = places.get(key);
    if (list === undefined) places.set(key, [index]);
    else list.push(index);
  }
  const used = new Map<string, number>();
  const pairs = lefts.map((left) => {
    const key = aboutWhat(left);
    const nth = used.get(key) ?? 0;
    used.set(key, nth + 1);
    return [left, places.get(key)?.[nth]] as const;
  });
  const paired = new Set(pairs.map(([, index]) => index));
  const rows: ComparedEvents[] = [];
  let next = 0;
  const tellUpTo = (end: number): void => {
    for (; next < end; next++) {
      const right = rights[next];
      if (right !== undefined && !paired.has(next)) rows.push({ left: null, right, same: false });
    }
  };
  for (const [left, index] of pairs) {
    const right = index === undefined ? null : (rights[index] ?? null);
    if (index !== undefined) tellUpTo(index);
    rows.push({ left, right, same: right !== null && isSame(left, right) });
  }
  tellUpTo(rights.length);
  return rows;
}

/** Fields by which two events may differ and say the same. */
const INCIDENTAL: ReadonlySet<string> = new Set([
  ...["at", "run", "workflow", "seq", "position", "commit", "writer", "node", "lease", "epoch"],
  ...["due", "endBy", "startBy", "retryAt", "until", "ref", "signal", "content", "forkOf"],
]);

function aboutWhat(event: RecordedEvent): string {
  const { type } = event;
  const subject = ["step", "timer", "wait", "name", "key", "attempt"]
    .map((field) => (event as unknown as Record<string, unknown>)[field])
    .filter((value) => value !== undefined);
  return [type, ...subject].join(" ");
}

const isSame = (left: RecordedEvent, right: RecordedEvent): boolean =>
  essence(left) === essence(right);

const essence = (event: RecordedEvent): string =>
  JSON.stringify(Object.entries(event).filter(([key]) => !INCIDENTAL.has(key)));
