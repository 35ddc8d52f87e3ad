/**
 * When a run's attempts were made, where, and how each of them ended: what a chart of the run shows. All of
 * it stands in the run's events, by the clock of whoever hosted it.
 */
import {
  type EventType,
  type MillraceEvent,
  type RecordedEvent,
  RUN_ENDS,
} from "../events/vocabulary.ts";

/** `lost`: its process was gone, or did not answer any more. `running`: it has not ended. */
export type AttemptEnd = "completed" | "failed" | "lost" | "cancelled" | "running";

/** One attempt of a step. Times in ms since the epoch. */
export interface TimelineAttempt {
  readonly step: string;
  readonly attempt: number;
  readonly node: string;
  readonly from: number;
  /** Of one that runs: the timeline's own end. */
  readonly to: number;
  readonly end: AttemptEnd;
  /** Why it did not complete; null: it did, or has not ended. */
  readonly why: string | null;
}

/** A node hosted the run for a while. Times in ms since the epoch. */
export interface TimelineHosting {
  readonly node: string;
  readonly epoch: number;
  readonly from: number;
  readonly to: number;
}

/** A run over time. */
export interface Timeline {
  readonly run: string;
  readonly workflow: string;
  /** The event that ended it; null: it has not ended. */
  readonly endedBy: EventType | null;
  /** When it was created, and the last that is known of it (ms since the epoch). */
  readonly from: number;
  readonly to: number;
  /** Nodes that hosted it or ran a step of it, by id. */
  readonly nodes: readonly string[];
  /** In the order in which they began. */
  readonly attempts: readonly TimelineAttempt[];
  readonly hostings: readonly TimelineHosting[];
}

/** One that may not have ended. */
type Open<T extends { readonly to: number }> = Omit<T, "to"> & { readonly to: number | null };
type OpenAttempt = Open<TimelineAttempt>;

/**
 * @param events of one run, all of them, in order
 * @param now the end of what has not ended (ms since the epoch). @default the time of the last event
 */
export function timelineOf(events: Iterable<RecordedEvent>, now = 0): Timeline {
  const attempts: OpenAttempt[] = [];
  const hostings: Open<TimelineHosting>[] = [];
  /** Where in `attempts` the one is that runs, by step. */
  const running = new Map<string, number>();
  let first: RecordedEvent | undefined;
  let [last, endedBy]: [number, EventType | null] = [0, null];
  const leave = (at: number): void => {
    const hosting = hostings.pop();
    if (hosting !== undefined) hostings.push({ ...hosting, to: hosting.to ?? at });
  };
  for (const event of events) {
    const { at, type } = event;
    first ??= event;
    last = Math.max(last, at);
    if (type === "run.claimed") {
      leave(at);
      hostings.push({ node: event.node, epoch: event.epoch, from: at, to: null });
    } else if (type === "run.parked") leave(at);
    else if (RUN_ENDS.has(type)) endedBy = type;
    if (type === "step.started") {
      const { step, attempt, node } = event;
      running.set(step, attempts.length);
      attempts.push({ step, attempt, node, from: at, to: null, end: "running", why: null });
    }
    const ended = endOf(event);
    const nth = ended && running.get(ended.step);
    const one = nth === undefined ? undefined : attempts[nth];
    if (ended === undefined || nth === undefined || one === undefined) continue;
    running.delete(ended.step);
    attempts[nth] = { ...one, ...ended, to: at };
  }
  const to = endedBy === null ? Math.max(last, now) : last;
  // What runs when its run ends is not waited for.
  const end = endedBy === null ? "running" : "cancelled";
  return {
    run: first?.run ?? "",
    workflow: first?.workflow ?? "",
    endedBy,
    from: first?.at ?? 0,
    to,
    nodes: [...new Set([...hostings, ...attempts].map(({ node }) => node))].sort(),
    attempts: attempts.map((one) =>
      one.to === null ? { ...one, end, to } : { ...one, to: one.to },
    ),
    hostings: hostings.map((one) => ({ ...one, to: one.to ?? to })),
  };
}

/** What an event says of the end of its step's attempt, if there is one that runs. */
function endOf(event: MillraceEvent): Pick<TimelineAttempt, "step" | "end" | "why"> | undefined {
  switch (event.type) {
    case "step.completed":
      return { step: event.step, end: "completed", why: null };
    case "step.retrying":
    case "step.held":
    case "step.failed":
      return {
        step: event.step,
        end: event.error.code === "E_STEP_LOST" ? "lost" : "failed",
        why: `${event.error.code}: ${event.error.message}`,
      };
    case "step.cancelled":
    case "step.skipped":
      return { step: event.step, end: "cancelled", why: event.reason };
    default:
      return undefined;
  }
}
