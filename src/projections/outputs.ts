/**
 * The outputs of one run: found by ref and by attempt without a look at the log. Small contents stay
 * here; larger ones are read from the log again, by the position of their frame, so that a run which
 * streams gigabytes costs memory for its entries only.
 */
import type { MillraceEvent, OutputContent } from "../events/vocabulary.ts";
import type { EventPlace, RunFold } from "./run-fold.ts";

/** An output, with its content only if that is small. */
export interface OutputEntry {
  readonly ref: string;
  readonly run: string;
  readonly attempt: number;
  readonly producer: string;
  readonly type: OutputContent["type"];
  /** Of an artifact; null for the others. */
  readonly name: string | null;
  /** As recorded: may name outputs of other runs, and ones that are gone. */
  readonly parents: readonly string[];
  readonly at: number;
  readonly seq: number;
  /** Of the frame that holds it. */
  readonly position: number;
  readonly kept: OutputContent | null;
}

/** The outputs of one attempt. */
export interface AttemptOutputs {
  /** In their order. */
  readonly all: OutputEntry[];
  /** The newest of each producer. */
  readonly latest: Map<string, OutputEntry>;
  /** The attempt's last word; nothing is accepted after it. */
  final: OutputEntry | undefined;
}

/** The outputs of one run. */
export interface RunOutputs {
  readonly byRef: Map<string, OutputEntry>;
  readonly byAttempt: Map<number, AttemptOutputs>;
  /** The newest artifact of each name. */
  readonly byArtifact: Map<string, OutputEntry>;
}

type OutputEmitted = Extract<MillraceEvent, { type: "output.emitted" }>;

/** JSON of about this many characters is kept; a thousand such entries are half a megabyte. */
const KEPT_CHARS = 512;

/** The entry of an output, from its event and where that stands. */
export const outputEntry = (event: OutputEmitted, place: EventPlace): OutputEntry => ({
  ref: event.ref,
  run: place.run,
  attempt: event.attempt,
  producer: event.producer,
  type: event.content.type,
  name: event.content.type === "artifact" ? event.content.name : null,
  parents: event.parents,
  at: event.at,
  seq: place.seq,
  position: place.position,
  kept: charsLeft(event.content, KEPT_CHARS) > 0 ? event.content : null,
});

/** Folds `output.emitted`. */
export const outputFold: RunFold<RunOutputs> = {
  initial: () => ({ byRef: new Map(), byAttempt: new Map(), byArtifact: new Map() }),
  apply(view, event, place) {
    // A ref is a digest of 80 bits: the second of its kind is the same output, written twice.
    if (event.type !== "output.emitted" || view.byRef.has(event.ref)) return;
    const entry = outputEntry(event, place);
    view.byRef.set(entry.ref, entry);
    if (entry.name !== null) view.byArtifact.set(entry.name, entry);
    const attempt: AttemptOutputs = view.byAttempt.get(entry.attempt) ?? {
      all: [],
      latest: new Map(),
      final: undefined,
    };
    view.byAttempt.set(entry.attempt, attempt);
    attempt.all.push(entry);
    attempt.latest.set(entry.producer, entry);
    if (entry.type === "final") attempt.final ??= entry;
  },
};

/** What is left of `budget` characters after `value` as JSON, roughly; gives up once it is used up. */
export function charsLeft(value: unknown, budget: number): number {
  if (typeof value === "string") return budget - value.length - 2;
  if (typeof value !== "object" || value === null) return budget - 8;
  let left = budget - 2;
  for (const [key, item] of Object.entries(value)) {
    if (left <= 0) return left;
    left = charsLeft(item, left - key.length - 4);
  }
  return left;
}
