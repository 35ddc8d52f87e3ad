/**
 * What is not kept in memory: older checkpoints and workflow events, read from the log by position.
 */
import type { Engine } from "../engine/engine.ts";
import { openFrame } from "../events/frame.ts";
import type { MillraceEvent, NoteEvent } from "../events/vocabulary.ts";
import type { CheckpointSaved } from "../projections/checkpoints.ts";
import type { NotedEvents } from "../projections/noted-events.ts";

/** The event that carries a workflow event of the seed's. */
export type UserNoted = Extract<NoteEvent, { type: "user.noted" }>;

/** The checkpoint whose frame is at `position`; undefined when the run was erased since. */
export async function readSaved(
  engine: Engine,
  run: string,
  position: number,
  checkpoint: number,
): Promise<CheckpointSaved | undefined> {
  for await (const event of eventsBetween(engine, run, position, position)) {
    if (event.type === "checkpoint.saved" && event.checkpoint === checkpoint) return event;
  }
  return undefined;
}

/** Where the events of a page lie. */
export interface NotedPage {
  readonly from: number;
  readonly to: number;
  /** How many workflow events the first frame has before the page. */
  readonly skip: number;
  readonly count: number;
}

/**
 * The place of the `limit` workflow events after the one numbered `since`; undefined when there are
 * none.
 */
export function pageOf(
  { positions }: NotedEvents,
  since: number,
  limit: number,
): NotedPage | undefined {
  const page = positions.slice(since, since + limit);
  const [from] = page;
  const to = page.at(-1);
  if (from === undefined || to === undefined) return undefined;
  let skip = 0;
  while (positions[since - skip - 1] === from) skip++;
  return { from, to, skip, count: page.length };
}

/** The workflow events of a page; fewer when the run was erased since. */
export async function readNoted(
  engine: Engine,
  run: string,
  { from, to, skip, count }: NotedPage,
): Promise<readonly UserNoted[]> {
  const found: UserNoted[] = [];
  for await (const event of eventsBetween(engine, run, from, to)) {
    if (event.type === "user.noted") found.push(event);
  }
  return found.slice(skip, skip + count);
}

async function* eventsBetween(
  engine: Engine,
  run: string,
  from: number,
  to: number,
): AsyncGenerator<MillraceEvent> {
  // There cannot be more frames than positions: said aloud, it keeps a server from sending more.
  const range = { run, after: from - 1, upTo: to, limit: to - from + 1 };
  for await (const stored of engine.store.log.read(range)) {
    yield* openFrame(run, stored.bytes, engine.codecs).frame.events;
  }
}
