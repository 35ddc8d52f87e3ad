/** Many runs, followed without end. One whose log is damaged does not keep the others from being told. */
import type { FollowedFrame } from "../../engine/reading/followed-frame.ts";
import { mayHold } from "../../events/frame.ts";
import type { RecordedEvent } from "../../events/vocabulary.ts";
import { isMillraceError } from "../../kernel/errors.ts";
import { isRecordId } from "../../kernel/ids.ts";
import { storeClosed } from "../starting/run-end.ts";
import { RunLabels } from "../starting/run-labels.ts";
import { type Batch, type Following, framesOf, Progress } from "./following.ts";

/**
 * Frames of the filter's runs from the place on. Those that cannot be opened are left out, and logged.
 * @throws MillraceError `E_STORE_CLOSED` when the store is closed before `signal` aborts
 */
export async function* followMany(following: Following): AsyncGenerator<Batch, void, undefined> {
  const { feed, filter, signal, live } = following;
  const labels = new RunLabels(feed, filter.labels);
  const progress = new Progress(following);
  for await (const frame of framesOf(following)) {
    const { run, position } = frame.stored;
    yield progress.batch(position, await wantedEvents(frame, following, labels, run));
  }
  if (live && !signal.aborted) throw storeClosed("the subscription was ended");
}

async function wantedEvents(
  frame: FollowedFrame,
  { feed, filter, place }: Following,
  labels: RunLabels,
  run: string,
): Promise<readonly RecordedEvent[]> {
  if (filter.runs !== undefined && !filter.runs.has(run)) return [];
  // Gates and schedules are no runs: who wants to hear of them says so.
  const isNamed = filter.types ?? filter.runs ?? filter.scope.workflow;
  if (isNamed === undefined && isRecordId(run)) return [];
  const { bytes, position } = frame.stored;
  try {
    if (!(await labels.match(frame))) return [];
    if (filter.types !== undefined && !mayHold(bytes, filter.types)) return [];
    return frame.events.filter((event) => place.begins(event) && filter.wants(event));
  } catch (error) {
    if (!isMillraceError(error, "E_FRAME_INVALID")) throw error;
    feed.engine.logger.warn("a damaged frame is left out of a subscription", {
      run,
      position,
      error: error.message,
    });
    return [];
  }
}
