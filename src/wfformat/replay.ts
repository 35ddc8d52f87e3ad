/** An instance as a workflow: tasks that take their recorded time, scaled, and hand on files of their size. */
import type { Resources } from "../cluster/resources.ts";
import { pause, systemClock } from "../kernel/clock.ts";
import { ID_PATTERN } from "../kernel/ids.ts";
import type { GraphWorkflow } from "../workflow/definition.ts";
import { graph } from "../workflow/graph.ts";
import type { GraphBuilder } from "../workflow/graph-builder.ts";
import type { StepContext } from "../workflow/step-context.ts";
import type { WfInstance, WfTask } from "./instance.ts";

/** How an instance is replayed. */
export interface ReplayOptions {
  /** Seconds here for a recorded second. */
  readonly scale: number;
  /** Bytes here for a recorded byte. 0: files are their names and sizes only. @default 0 */
  readonly byteScale?: number;
  /** What a task takes of its node while it runs; undefined: a slot. @default a slot, each */
  readonly resources?: (task: WfTask) => Resources | undefined;
  /** Who chooses nodes. @default as `graph()` has it */
  readonly strategy?: string;
}

/** What there is to run the tasks of an instance. */
export interface ReplayCapacity {
  readonly slots: number;
  /** In bytes; absent: it does not count. */
  readonly memory?: number;
}

/**
 * What tasks take: a slot for each of their cores, and their memory, as recorded; what would need more than
 * there is takes all of it. Undefined for one slot and nothing else.
 */
export const costOf =
  ({ slots, memory = 0 }: ReplayCapacity) =>
  (task: WfTask): Resources | undefined => {
    const steps = Math.min(slots, Math.ceil(task.cores));
    const bytes = Math.min(memory, Math.ceil(task.memoryBytes));
    if (bytes === 0) return steps === 1 ? undefined : { steps };
    return { steps, memory: bytes };
  };

/** What a task hands on: each file that it wrote, with its recorded size and what stands for its content. */
type Files = Readonly<Record<string, { readonly bytes: number; readonly content: string }>>;

/** A workflow, and what its steps stand for. */
export interface Replay {
  readonly workflow: GraphWorkflow<unknown, unknown>;
  /** Tasks by the names of their steps. */
  readonly tasks: ReadonlyMap<string, WfTask>;
}

/** No task hands on more than this, whatever the scale (characters). */
const CONTENT_MAX = 64 * 1024 * 1024;

/**
 * @throws MillraceError `E_DEF_CYCLE`, `E_DEF_EMPTY`, `E_DEF_TOO_LARGE`
 */
export function replayOf(instance: WfInstance, options: ReplayOptions): Replay {
  const names = stepNames(instance.tasks);
  const nameOf = (id: string): string => names.get(id) ?? id;
  const { strategy, resources } = options;
  let builder: GraphBuilder<unknown, unknown, Record<string, unknown>, unknown, never> = graph(
    usable(instance.name),
    strategy === undefined ? {} : { strategy },
  );
  for (const task of instance.tasks) {
    const needs = task.needs.map(nameOf);
    const takes = resources?.(task);
    const place = takes === undefined ? {} : { resources: takes };
    builder = builder.step(nameOf(task.id), { needs, ...place }, async (ctx, inputs) => {
      checkFiles(task, nameOf, needs.length === 0 ? {} : (inputs as Record<string, Files>));
      return perform(ctx, task, options);
    });
  }
  return {
    workflow: builder.build(),
    tasks: new Map(instance.tasks.map((task) => [nameOf(task.id), task])),
  };
}

/** Everything that the task reads of others has been handed to it. */
function checkFiles(
  task: WfTask,
  nameOf: (id: string) => string,
  inputs: Readonly<Record<string, Files>>,
): void {
  for (const [writer, files] of task.reads) {
    for (const { name, bytes } of files) {
      if (inputs[nameOf(writer)]?.[name]?.bytes === bytes) continue;
      throw new Error(`task ${task.id} was not given ${name} of ${writer}`);
    }
  }
}

async function perform(
  ctx: StepContext,
  task: WfTask,
  { scale, byteScale = 0 }: ReplayOptions,
): Promise<Files> {
  await pause(systemClock(), task.seconds * scale * 1_000, ctx.signal);
  ctx.signal.throwIfAborted();
  const files = task.writes.map(({ name, bytes }) => {
    const content = "x".repeat(Math.min(CONTENT_MAX, Math.round(bytes * byteScale)));
    return [name, { bytes, content }] as const;
  });
  return Object.fromEntries(files);
}

/** Ids of tasks may hold anything; two that become the same name are numbered. */
function stepNames(tasks: readonly WfTask[]): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  const taken = new Set<string>();
  for (const { id } of tasks) {
    const base = usable(id);
    let name = base;
    for (let nth = 2; taken.has(name.toLowerCase()); nth++) name = `${base}-${nth}`;
    taken.add(name.toLowerCase());
    names.set(id, name);
  }
  return names;
}

/** Leaves room for a number. */
const NAME_MAX = 120;

function usable(text: string): string {
  const name = text.replaceAll(/[^A-Za-z0-9_-]/g, "_").slice(0, NAME_MAX);
  return ID_PATTERN.test(name) ? name : `t${name}`;
}
