/**
 * The newest checkpoint that a step itself saved, found in its run's log, or in what its run has
 * inherited. What others saved under its name as bytes is none of its own.
 */
import { emptyRun } from "../../domain/state.ts";
import { openFrame } from "../../events/frame.ts";
import type { MillraceEvent, NoteEvent } from "../../events/vocabulary.ts";
import type { Checkpoint } from "../../workflow/step-context.ts";
import type { Engine } from "../engine.ts";
import { forkPointOf, inheritedEvents } from "../reading/history.ts";
import { fromValue } from "../values/values.ts";

type Saved = Extract<NoteEvent, { type: "checkpoint.saved" }>;

export async function lastCheckpoint(
  engine: Engine,
  run: string,
  node: string,
): Promise<Checkpoint | undefined> {
  let newest: Saved | undefined;
  const look = (event: MillraceEvent): void => {
    if (event.type === "checkpoint.saved" && event.node === node && event.encoding === undefined)
      newest = event;
  };
  for await (const stored of engine.store.log.read({ run })) {
    const { frame } = openFrame(run, stored.bytes, engine.codecs);
    for await (const { event } of inheritedEvents(engine, forkPointOf(frame))) look(event);
    for (const event of frame.events) look(event);
  }
  if (newest === undefined) return undefined;
  const { checkpoint, metadata } = newest;
  return {
    checkpoint,
    metadata,
    state: await fromValue(engine.store.blobs, newest.state, emptyRun(run)),
  };
}
