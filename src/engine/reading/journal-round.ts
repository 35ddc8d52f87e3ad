/** What the calls that wait for one run lead to: one frame, and an answer for each of them. */

import { copyRunState } from "../../domain/copy.ts";
import type { RunState } from "../../domain/state.ts";
import type { Deferred } from "../../kernel/async.ts";
import { limits } from "../../kernel/limits.ts";
import type { RunNotes } from "../../projections/run-notes.ts";
import { Draft } from "../turn/draft.ts";
import type { KeptRun } from "./kept-run.ts";

/**
 * Adds events to the draft and returns the answer, or throws a refusal. May be called several
 * times.
 */
export type Decide<T> = (draft: Draft, notes: RunNotes) => T;

/** What it returns must stay true when the run goes on: copies, never parts of the state. */
export type Look<T> = (state: RunState, notes: RunNotes) => T;

/** One call of the journal that waits for its answer. */
export type Call =
  | { readonly kind: "amend"; readonly decide: Decide<unknown>; readonly done: Deferred<unknown> }
  | { readonly kind: "read"; readonly look: Look<unknown>; readonly done: Deferred<unknown> };

/** What some calls lead to: events of one frame, and answers to be given once it is in the log. */
export interface Round {
  /** Undefined when nobody wants to write. */
  readonly draft: Draft | undefined;
  readonly answers: readonly (() => void)[];
}

/**
 * Decides the calls, in order, on a copy of the run; those past a full frame are left out.
 * @param now ms since the epoch
 */
export function decideRound(kept: KeptRun, calls: readonly Call[], now: number): Round {
  let draft: Draft | undefined;
  const answers: (() => void)[] = [];
  let bytes = 0;
  for (const call of calls) {
    if (bytes > limits.frameBytesTarget) break;
    const { done } = call;
    if (call.kind === "read") {
      answers.push(() => settleRead(call.look, kept, done));
      continue;
    }
    draft ??= new Draft(copyRunState(kept.state), now);
    const before = draft.events.length;
    try {
      const answer = call.decide(draft, kept.notes);
      answers.push(() => done.resolve(answer));
      for (const event of draft.events.slice(before)) bytes += JSON.stringify(event).length;
    } catch (refusal) {
      answers.push(() => done.reject(refusal));
      if (draft.events.length === before) continue;
      // Half a decision: back to what the calls before it had decided.
      const earlier = draft.events.slice(0, before);
      draft = new Draft(copyRunState(kept.state), now);
      draft.add(earlier);
    }
  }
  return { draft, answers };
}

function settleRead(look: Look<unknown>, kept: KeptRun, done: Deferred<unknown>): void {
  try {
    done.resolve(look(kept.state, kept.notes));
  } catch (refusal) {
    done.reject(refusal);
  }
}
