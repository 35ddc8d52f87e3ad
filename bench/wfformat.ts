/**
 * Real scientific workflows on one worker: the makespan beside Graham's bound, and what ran at once.
 *
 *   node bench/wfformat.ts --instances DIR [--slots 16] [--scale 0.005] [--stores sqlite,nats] [--json]
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import { startNatsServer } from "../scripts/nats-server.ts";
import { open, type RecordedEvent } from "../src/index.ts";
import { readInstance, type WfTask } from "../src/wfformat/instance.ts";
import { measureReplay, type ReplayMeasures } from "../src/wfformat/measure.ts";
import { replayOf } from "../src/wfformat/replay.ts";
import { rounded } from "./measure.ts";

export interface Replayed extends ReplayMeasures {
  readonly instance: string;
  /** Share of 1.1 × Graham's bound + 2 ms per task that the run took; must not be above 1. */
  readonly ofAllowed: number;
}

/** @param path a WfFormat instance, or a folder of them */
export const instancesIn = (path: string): string[] =>
  statSync(path).isDirectory()
    ? readdirSync(path)
        .filter((name) => name.endsWith(".json"))
        .sort()
        .map((name) => join(path, name))
    : [path];

/** Replays one instance in this process. */
export async function replayed(
  store: string,
  file: string,
  { slots, scale }: { readonly slots: number; readonly scale: number },
): Promise<Replayed> {
  const { workflow, tasks } = replayOf(readInstance(readFileSync(file, "utf8")), { scale });
  const millrace = await open({ store, workflows: [workflow], worker: { steps: slots } });
  try {
    const events: RecordedEvent[] = [];
    for await (const event of (await millrace.start(workflow)).events()) events.push(event);
    return measured(file, events, tasks, { scale, slots });
  } finally {
    await millrace.close();
  }
}

/** What the run of the instance in `file` came to. @param events all of the run */
export function measured(
  file: string,
  events: readonly RecordedEvent[],
  tasks: ReadonlyMap<string, WfTask>,
  on: { readonly slots: number; readonly scale: number },
): Replayed {
  if (events.at(-1)?.type !== "run.completed") throw new Error(`${file} did not complete`);
  const measures = measureReplay(events, tasks, on);
  const allowed = 1.1 * measures.grahamBoundMs + 2 * tasks.size;
  const ofAllowed = rounded(measures.makespanMs / allowed, 3);
  return { instance: basename(file, ".json"), ...measures, ofAllowed };
}

/** Rows for a console table. */
export const rowOf = (one: Replayed): Readonly<Record<string, unknown>> => ({
  instance: one.instance,
  tasks: one.tasks,
  makespanMs: one.makespanMs,
  lowerBoundMs: rounded(one.lowerBoundMs, 0),
  grahamBoundMs: rounded(one.grahamBoundMs, 0),
  ofAllowed: one.ofAllowed,
  peakSlots: `${one.peakSlots}/${one.slots}`,
  peakMemoryMb: rounded(one.peakMemoryBytes / 1e6, 0),
});

async function main(): Promise<void> {
  const { values: flags } = parseArgs({
    options: {
      instances: { type: "string" },
      slots: { type: "string", default: "16" },
      scale: { type: "string", default: "0.005" },
      stores: { type: "string", default: "sqlite,nats" },
      json: { type: "boolean", default: false },
    },
  });
  const folder = mkdtempSync(join(tmpdir(), "millrace-wfformat-"));
  const options = { slots: Number(flags.slots), scale: Number(flags.scale) };
  const results: Record<string, Replayed[]> = {};
  for (const name of flags.stores.split(",")) {
    const server = name === "nats" ? await startNatsServer() : undefined;
    const rows: Replayed[] = [];
    try {
      const store = server?.url ?? (name === "sqlite" ? `sqlite:${join(folder, "w.db")}` : name);
      for (const file of instancesIn(flags.instances ?? ".")) {
        rows.push(await replayed(store, file, options));
      }
    } finally {
      await server?.stop();
    }
    results[name] = rows;
    if (!flags.json) console.log(name);
    if (!flags.json) console.table(rows.map(rowOf));
  }
  rmSync(folder, { recursive: true, force: true });
  if (flags.json) console.log(JSON.stringify(results));
}

if (import.meta.main) await main();
