/** What a check has found, told so that it can be read in a minute and run again by pasting a few lines. */
import type { RecordedEvent } from "../../events/vocabulary.ts";
import { type Duration, millis } from "../../kernel/duration.ts";
import type { CaseFailure } from "./examine.ts";
import { type Disturbance, type Life, RUN_ID } from "./life.ts";
import type { CrashPoint } from "./simulation.ts";

/** How it was found. */
export interface Found {
  readonly seed: number;
  readonly path: string;
  readonly numRuns: number;
  readonly numShrinks: number;
}

/** Events that are shown at most: the last ones before the crash, and the first ones after it. */
const SHOWN = 14;
const SHOWN_BEFORE = 5;
const LINE_CHARS = 90;

/** The report. */
export function reproduction(failure: CaseFailure, found: Found): string {
  const { plan, disturbance, life, problems } = failure;
  const { input, seed } = plan;
  const name = life?.events[0]?.workflow ?? "";
  const shrunk = found.numShrinks === 0 ? "" : `, shrunk ${found.numShrinks} times`;
  return [
    `workflow ${name} does not keep its word (input ${found.numRuns}${shrunk}):`,
    "",
    ...problems.map((problem) => `  - ${problem}`),
    "",
    `  input   ${text(input)}`,
    `  order   ${seed === 0 ? "as asked for" : `shuffled by seed ${seed}`}`,
    ...disturbances(disturbance, life),
    ...(life === undefined ? [] : eventLines(life)),
    "",
    "The same life again:",
    "",
    `  const sim = await testRuntime({ workflows: […], seed: ${seed} });`,
    ...crashLines(disturbance.crashes),
    `  const run = await sim.start("${name}", ${text(input)}, { id: "${RUN_ID}" });`,
    ...signalLines(failure),
    "  await sim.idle();",
    "",
    `The same check again: checkWorkflow(workflow, { …, seed: ${found.seed}, path: "${found.path}" })`,
  ].join("\n");
}

const text = (value: unknown): string => JSON.stringify(value) ?? "undefined";

function disturbances(
  { crashes, twice, lateMs }: Disturbance,
  life: Life | undefined,
): readonly string[] {
  const lines =
    life === undefined
      ? crashes.map(({ commit, side }) => `  crash   at commit ${commit}, ${side} it was stored`)
      : life.crashes.map(
          ({ commit, side, events }) =>
            `  crash   at commit ${commit} (${events.join(", ")}), ${side} it was stored`,
        );
  if (lines.length === 0) lines.push("  crash   none");
  if (twice === "always") lines.push("  signals each sent twice, and again at the end");
  if (lateMs > 0) lines.push(`  signals ${lateMs} ms late`);
  return lines;
}

/** The events around the crash, or the last ones. */
function eventLines({ events, crashes }: Life): readonly string[] {
  const [first] = crashes;
  const place = first === undefined ? events.length : events.findIndex(isFrom(first));
  const from =
    first === undefined || place < 0
      ? Math.max(0, events.length - SHOWN)
      : Math.max(0, place - SHOWN_BEFORE);
  const shown = events.slice(from, from + SHOWN);
  const lines = shown.flatMap((event) => {
    const before = crashes.find((crash) => isFrom(crash)(event));
    const line = `          ${event.seq} ${eventText(event)}`;
    return before === undefined ? [line] : [`          -- ${before.node} crashed --`, line];
  });
  const left = events.length - from - shown.length;
  const more = left > 0 ? [`          … and ${left} more`] : [];
  return ["  events", ...(from > 0 ? [`          … ${from} before`] : []), ...lines, ...more];
}

/** Whether an event is the first one of its run that came after the crash. */
const isFrom =
  ({ run, seq, side, events }: Life["crashes"][number]) =>
  (event: RecordedEvent): boolean =>
    event.run === run && event.seq === (side === "before" ? seq : seq + events.length);

/** The fields that say which of several things an event is about. */
const NAMING = ["step", "timer", "wait", "signal", "name", "node", "reason"] as const;

function eventText(event: RecordedEvent): string {
  const fields = event as Readonly<Record<string, unknown>>;
  const naming = NAMING.map((field) => fields[field]).filter((value) => typeof value === "string");
  const attempt = typeof fields["attempt"] === "number" ? [`attempt ${fields["attempt"]}`] : [];
  return [event.type, ...naming.slice(0, 2), ...attempt].join(" ").slice(0, LINE_CHARS);
}

const crashLines = (points: readonly CrashPoint[]): readonly string[] =>
  points.length === 0
    ? []
    : [
        `  sim.crashAt(${points.map(({ commit, side }) => `{ commit: ${commit}, side: "${side}" }`).join(", ")});`,
      ];

function signalLines({ plan, disturbance }: CaseFailure): readonly string[] {
  const due = plan.signals.map(({ name, payload, after = 0 }, nth) => ({
    at: millis("after", after as Duration) + disturbance.lateMs,
    line: `  await run.signal("${name}", ${text(payload)}, { id: "signal-${nth}" });`,
  }));
  let now = 0;
  return due
    .sort((a, b) => a.at - b.at)
    .flatMap(({ at, line }) => {
      const wait = at > now ? [`  await sim.advance(${at - now});`] : [];
      now = at;
      return disturbance.twice === "always" ? [...wait, line, line] : [...wait, line];
    });
}
