/**
 * Commits of a host while others note things in its run (outputs, checkpoints, facts of users' own).
 * Notes move no machine, so what was decided stands; it only has to be appended behind them. Deciding
 * anew would cost a fold of the whole log, and whoever notes without pause would outrun it for ever.
 */
import { type Opened, openFrame } from "../../events/frame.ts";
import type { EventType } from "../../events/vocabulary.ts";
import type { Engine } from "../engine.ts";
import { commit } from "./commit.ts";
import type { Draft } from "./draft.ts";

const NOTES: ReadonlySet<EventType> = new Set([
  "output.emitted",
  "checkpoint.saved",
  "data.located",
  "anomaly.recorded",
  "user.noted",
]);

/**
 * As `commit`, but gives up only when something else than notes has been written meanwhile, or `signal`
 * has aborted.
 */
export async function commitBehindNotes(
  engine: Engine,
  draft: Draft,
  inbox: number,
  signal: AbortSignal,
): Promise<boolean> {
  while (!signal.aborted) {
    if (await commit(engine, draft, inbox, signal)) return true;
    if (!(await rebase(engine, draft))) return false;
  }
  return false;
}

/** Puts the draft behind what the log has past its cursor. False: that is nothing, or not only notes. */
async function rebase(engine: Engine, { state, events }: Draft): Promise<boolean> {
  const { cursor, id: run } = state;
  const foreign: { readonly opened: Opened; readonly position: number }[] = [];
  for await (const stored of engine.store.log.read({ run, after: cursor.head })) {
    const opened = openFrame(run, stored.bytes, engine.codecs);
    foreign.push({ opened, position: stored.position });
  }
  let [sum, seq] = [cursor.sum, cursor.seq - events.length];
  for (const { opened } of foreign) {
    const { frame, prev } = opened;
    if (prev !== sum || frame.seq !== seq + 1) return false;
    // A host's frame, even one of notes only, says which inputs were taken and who hosts the run.
    if (frame.writer.epoch > 0 || frame.inbox !== cursor.inbox) return false;
    if (!frame.events.every(({ type }) => NOTES.has(type))) return false;
    [sum, seq] = [opened.sum, seq + frame.events.length];
  }
  for (const { opened, position } of foreign) {
    const numbers = opened.frame.events.filter(({ type }) => type === "checkpoint.saved").length;
    // Those that the draft saves come after; whoever waits for one gets this very event.
    for (const event of events) if (event.type === "checkpoint.saved") event.checkpoint += numbers;
    state.checkpoints += numbers;
    cursor.head = position;
    cursor.sum = opened.sum;
    cursor.seq += opened.frame.events.length;
  }
  return foreign.length > 0;
}
