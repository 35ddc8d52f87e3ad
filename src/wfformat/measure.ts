/**
 * How good a replayed run was: how long it took beside what theory says is possible and what it says any
 * scheduler that leaves no slot idle achieves; and what ran at once, from the log.
 */
import { amountOf } from "../cluster/resources.ts";
import type { RecordedEvent } from "../events/vocabulary.ts";
import { RecordedLoad } from "../projections/recorded-load.ts";
import { topologicalOrder } from "../workflow/cycle.ts";
import type { WfTask } from "./instance.ts";

/** What theory says of an instance on `slots` slots. Times in milliseconds, scaled. */
export interface Bounds {
  /** The longest chain of tasks that need each other. */
  readonly criticalPathMs: number;
  /** All tasks together. */
  readonly workMs: number;
  /** No schedule is shorter: the critical path, or the work over the slots, whichever is longer. */
  readonly lowerBoundMs: number;
  /**
   * No schedule that begins a ready task whenever a slot is free is longer, if every task takes one slot:
   * work/slots + critical path × (slots − 1)/slots. R. L. Graham, "Bounds for Certain Multiprocessing
   * Anomalies", 1966.
   */
  readonly grahamBoundMs: number;
}

/** What a run of it came to. */
export interface ReplayMeasures extends Bounds {
  readonly tasks: number;
  readonly slots: number;
  /** From the run's creation to its end. */
  readonly makespanMs: number;
  /** Most slots that were taken at once, on all nodes together, at any event of the log. */
  readonly peakSlots: number;
  /** The same for memory that tasks took of their nodes (in bytes); if none of them did, for what is recorded of them. */
  readonly peakMemoryBytes: number;
}

/** @param tasks by the names of their steps */
export function boundsOf(tasks: ReadonlyMap<string, WfTask>, scale: number, slots: number): Bounds {
  const ms = ({ seconds }: WfTask): number => seconds * scale * 1_000;
  const byId = new Map(Array.from(tasks.values(), (task) => [task.id, task]));
  const ends = new Map<string, number>();
  const order = topologicalOrder(
    Array.from(byId.values(), ({ id, needs }) => ({ name: id, needs })),
  );
  let [criticalPathMs, workMs] = [0, 0];
  for (const id of order) {
    const task = byId.get(id);
    if (task === undefined) continue;
    const begin = Math.max(0, ...task.needs.map((need) => ends.get(need) ?? 0));
    const end = begin + ms(task);
    ends.set(id, end);
    criticalPathMs = Math.max(criticalPathMs, end);
    workMs += ms(task) * Math.min(task.cores, slots);
  }
  const share = workMs / slots;
  return {
    criticalPathMs,
    workMs,
    lowerBoundMs: Math.max(criticalPathMs, share),
    grahamBoundMs: share + (criticalPathMs * (slots - 1)) / slots,
  };
}

const isStepEvent = (
  event: RecordedEvent,
): event is Extract<RecordedEvent, { readonly type: `step.${string}` }> =>
  event.type.startsWith("step.");

/** @param events all of the run, in order */
export function measureReplay(
  events: readonly RecordedEvent[],
  tasks: ReadonlyMap<string, WfTask>,
  { scale, slots }: { readonly scale: number; readonly slots: number },
): ReplayMeasures {
  const running = new Set<string>();
  const load = new RecordedLoad();
  let [memory, recordedMemory, peakSlots, takenMemory] = [0, 0, 0, 0];
  for (const event of events) {
    load.take(event);
    const task = isStepEvent(event) ? tasks.get(event.step) : undefined;
    if (task === undefined || !isStepEvent(event)) continue;
    if (event.type === "step.started") {
      running.add(event.step);
      memory += task.memoryBytes;
    } else if (running.delete(event.step)) memory -= task.memoryBytes;
    peakSlots = Math.max(peakSlots, amountOf(load.all, "steps"));
    takenMemory = Math.max(takenMemory, amountOf(load.all, "memory"));
    recordedMemory = Math.max(recordedMemory, memory);
  }
  const [first, last] = [events[0]?.at ?? 0, events.at(-1)?.at ?? 0];
  return {
    tasks: tasks.size,
    slots,
    makespanMs: last - first,
    ...boundsOf(tasks, scale, slots),
    peakSlots,
    peakMemoryBytes: takenMemory || recordedMemory,
  };
}
