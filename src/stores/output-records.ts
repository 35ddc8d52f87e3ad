/** From places of outputs to their records: from memory where the content is kept, else from the log. */
import type { Engine } from "../engine/engine.ts";
import { type Frame, openFrame } from "../events/frame.ts";
import type { OutputContent } from "../events/vocabulary.ts";
import { MillraceError } from "../kernel/errors.ts";
import { type OutputEntry, outputEntry } from "../projections/outputs.ts";
import { fromContent, type OutputEvent } from "./output-content.ts";

/** An output as it is given back. */
export interface OutputRecord {
  readonly ref: string;
  /** The run it belongs to. */
  readonly taskId: string;
  readonly attempt: number;
  readonly producer: string;
  readonly event: OutputEvent;
  /** What it was made from, as its producer said. */
  readonly parentRefs: readonly string[];
  readonly at: number;
  /** Of its event in the run: 1, 2, 3 … over everything recorded there. */
  readonly seq: number;
}

/** An output with its content as recorded. */
export interface RecordedOutput {
  readonly entry: OutputEntry;
  readonly content: OutputContent;
}

/** Where to look for an output. */
export interface OutputPlace {
  readonly ref: string;
  readonly run: string;
  readonly position: number;
}

/** Outputs of one run from the frames between two positions, both included. */
async function* recordedOutputs(
  engine: Engine,
  run: string,
  from: number,
  to: number,
): AsyncGenerator<RecordedOutput, void, undefined> {
  for await (const stored of engine.store.log.read({ run, after: from - 1, upTo: to })) {
    yield* outputsOf(stored, openFrame(run, stored.bytes, engine.codecs).frame);
  }
}

/** The outputs in a frame. */
export function* outputsOf(
  { run, position }: { readonly run: string; readonly position: number },
  frame: Frame,
): Generator<RecordedOutput, void, undefined> {
  for (const [index, event] of frame.events.entries()) {
    if (event.type !== "output.emitted") continue;
    const entry = outputEntry(event, { run, position, seq: frame.seq + index });
    yield { entry, content: event.content };
  }
}

/** Undefined when its run was erased. */
export async function recordedAt(
  engine: Engine,
  { ref, run, position }: OutputPlace,
): Promise<RecordedOutput | undefined> {
  for await (const found of recordedOutputs(engine, run, position, position)) {
    if (found.entry.ref === ref) return found;
  }
  return undefined;
}

/** The recorded content of outputs of one run, in their order; those of an erased run are left out. */
export async function recordedAll(
  engine: Engine,
  entries: readonly OutputEntry[],
): Promise<readonly RecordedOutput[]> {
  const missing = entries.filter(({ kept }) => kept === null);
  const [first, last] = [missing[0], missing.at(-1)];
  const read = new Map<string, OutputContent>();
  if (first !== undefined && last !== undefined) {
    const wanted = new Set(missing.map(({ ref }) => ref));
    const { run, position } = first;
    for await (const { entry, content } of recordedOutputs(engine, run, position, last.position)) {
      if (wanted.has(entry.ref)) read.set(entry.ref, content);
    }
  }
  return entries.flatMap((entry) => {
    const content = entry.kept ?? read.get(entry.ref);
    return content === undefined ? [] : { entry, content };
  });
}

/** The record of an output, its content read from the blob store where it is there; a copy. */
export async function outputRecord(
  engine: Engine,
  { entry, content }: RecordedOutput,
): Promise<OutputRecord> {
  const { ref, run, attempt, producer, parents, at, seq } = entry;
  const event = await fromContent(engine.store.blobs, content);
  return { ref, taskId: run, attempt, producer, event, parentRefs: [...parents], at, seq };
}

/** @param what what was asked for, as in "output of worker" */
export const outputNotFound = (
  what: string,
  details: Readonly<Record<string, unknown>>,
): MillraceError =>
  new MillraceError(
    "E_OUTPUT_NOT_FOUND",
    `output not found: ${what}; it was never appended here, or its task was erased`,
    { details },
  );
