/**
 * The cluster demo's workflow: a survey of the sky, as survey.json records it in WfFormat. Each worker
 * imports this file; DEMO_SCALE says how many seconds a recorded second takes.
 *
 *   plan ──> observe ×8 ──> calibrate ×8 ──> detect ×8 ──┬─> stack ×4 ──> mosaic ──┬─> publish
 *                                              (gpu)     └─> catalogue ────────────┘
 */
import { readFileSync } from "node:fs";
import { readInstance, type WfTask } from "../../src/wfformat/instance.ts";
import { replayOf } from "../../src/wfformat/replay.ts";

/** Seconds here for a recorded second, where nobody says otherwise. */
export const DEFAULT_SCALE = 0.05;

const scale = Number(process.env["DEMO_SCALE"] ?? DEFAULT_SCALE);
const text = readFileSync(new URL("survey.json", import.meta.url), "utf8");

/** Memory in GB. WfFormat knows cores and memory; that stars are found on a GPU is the demo's own. */
const resources = ({ id, cores, memoryBytes }: WfTask): Record<string, number> => ({
  cpu: cores,
  memory: memoryBytes / 1e9,
  ...(id.startsWith("detect") ? { gpu: 1 } : {}),
});

/** The workflow, and its tasks by the names of its steps. */
export const { workflow: survey, tasks } = replayOf(readInstance(text), {
  scale,
  resources,
  strategy: "load-balanced",
});
