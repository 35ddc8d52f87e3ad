/** A recorded history as it is looked at: folded once, with the places of what a workflow's code asked for. */
import { evolve } from "../domain/evolve.ts";
import { emptyRun, type RunState } from "../domain/state.ts";
import type { MillraceEvent, RecordedEvent } from "../events/vocabulary.ts";
import { MillraceError } from "../kernel/errors.ts";

/** One place where today's code differs from a history. */
export interface HistoryDifference {
  /** What differs: "step charge", "timer cool-off", "the end", "the workflow". */
  readonly what: string;
  /** Seq of the event that recorded it; undefined: there is none. */
  readonly seq: number | undefined;
  /** A run that began like this could not be gone on with by today's code. */
  readonly breaks: boolean;
  /** A sentence for people. */
  readonly message: string;
}

/** Events of one run, as `subscribe` gives them, and `millrace events RUN --json`. */
export type History = Iterable<MillraceEvent> | AsyncIterable<MillraceEvent>;

/** A history, folded. */
export interface Folded {
  readonly state: RunState;
  readonly events: readonly MillraceEvent[];
  /** For each call of a code workflow, the seq of the event that recorded it. */
  readonly callSeqs: readonly number[];
}

/**
 * The history of one run, from its first event on.
 * @param ground of a fork: what the run was that it branched off (see `groundOf`); not changed by anybody else
 * @throws MillraceError `E_LOG_CORRUPT` when it is not that
 */
export async function foldHistory(history: History, ground?: RunState): Promise<Folded> {
  const events: MillraceEvent[] = [];
  for await (const event of history) events.push(event);
  const run = (events[0] as Partial<RecordedEvent> | undefined)?.run ?? "run";
  const state = ground ?? emptyRun(run);
  const callSeqs: number[] = [];
  for (const event of events) {
    const of = (event as Partial<RecordedEvent>).run ?? run;
    if (of !== run) throw notOneRun(`event ${state.cursor.seq + 1} is of run ${of}, not of ${run}`);
    evolve(state, event);
    while (callSeqs.length < state.calls.length) callSeqs.push(state.cursor.seq);
  }
  if (state.plan === undefined) throw notOneRun("it does not begin with run.created");
  return { state, events, callSeqs };
}

const notOneRun = (what: string): MillraceError =>
  new MillraceError("E_LOG_CORRUPT", `this is no history of a run: ${what}`);
