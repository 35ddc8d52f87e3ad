/**
 * A run as a Gantt chart in SVG: a lane for each node, in it a bar for each attempt, over time. One file
 * without scripts or fonts of its own, to be read on light and dark pages, and with a screen reader.
 */
import { CHART_STYLE, LOST_HATCH } from "./gantt-style.ts";
import type { AttemptEnd, Timeline, TimelineAttempt } from "./timeline.ts";

/** Sizes in pixels of a chart that is not scaled. */
const WIDTH = 1_000;
const MARGIN = 16;
const LABELS = 150;
const [ROW, BAR] = [20, 16];
const LANE_GAP = 14;
const [TITLE_HEIGHT, AXIS_HEIGHT, LEGEND_HEIGHT] = [44, 28, 26];
/** Letters are about so wide; a bar that is narrower than three has no text. */
const LETTER = 6;

/** The ends of attempts in the order of the legend, as it calls them. */
const ENDS: ReadonlyMap<AttemptEnd, string> = new Map([
  ["completed", "completed"],
  ["failed", "failed"],
  ["lost", "lost with its node"],
  ["cancelled", "cancelled"],
  ["running", "still running"],
]);

/** A bar and the row of its lane that it is in. */
interface Placed {
  readonly attempt: TimelineAttempt;
  readonly row: number;
}

interface Lane {
  readonly node: string;
  readonly bars: readonly Placed[];
  readonly rows: number;
}

/** The chart as one SVG document. The same timeline is always the same text. */
export function ganttSvg(timeline: Timeline): string {
  const lanes = timeline.nodes.map((node) => laneOf(node, timeline.attempts));
  const x = scaleOf(timeline);
  const parts: string[] = [];
  let y = TITLE_HEIGHT + AXIS_HEIGHT;
  for (const lane of lanes) {
    parts.push(laneSvg(timeline, lane, y, x));
    y += heightOf(lane);
  }
  const height = y + LEGEND_HEIGHT + MARGIN;
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" class="millrace-gantt" role="img" aria-labelledby="gantt-title gantt-desc" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}">`,
    `<title id="gantt-title">${xml(titleOf(timeline))}</title>`,
    `<desc id="gantt-desc">${xml(descriptionOf(timeline))}</desc>`,
    `<style>${CHART_STYLE}</style>`,
    `<defs>${LOST_HATCH}</defs>`,
    `<rect class="page" width="${WIDTH}" height="${height}"/>`,
    `<text class="head" x="${MARGIN}" y="${MARGIN + 14}">${xml(titleOf(timeline))}</text>`,
    axisSvg(timeline, y, x),
    ...parts,
    legendSvg(timeline, y + LEGEND_HEIGHT),
    "</svg>",
  ].join("\n")}\n`;
}

/** Each bar goes into the first row that is free when it begins. */
function laneOf(node: string, attempts: readonly TimelineAttempt[]): Lane {
  const freeFrom: number[] = [];
  const bars = attempts
    .filter((attempt) => attempt.node === node)
    .map((attempt) => {
      const free = freeFrom.findIndex((at) => at <= attempt.from);
      const row = free < 0 ? freeFrom.length : free;
      freeFrom[row] = attempt.to;
      return { attempt, row };
    });
  return { node, bars, rows: Math.max(1, freeFrom.length) };
}

const heightOf = ({ rows }: Lane): number => rows * ROW + LANE_GAP;

/** Where a time is from left to right. */
type Scale = (at: number) => number;

function scaleOf({ from, to }: Timeline): Scale {
  const left = MARGIN + LABELS;
  const perMs = (WIDTH - MARGIN - left) / Math.max(1, to - from);
  return (at) => rounded(left + (at - from) * perMs);
}

function axisSvg({ from, to }: Timeline, bottom: number, x: Scale): string {
  const top = TITLE_HEIGHT + AXIS_HEIGHT - 8;
  const step = tickOf(to - from);
  const ticks = Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, nth) => {
    const at = x(from + nth * step);
    return (
      `<line x1="${at}" y1="${top}" x2="${at}" y2="${bottom}"/>` +
      `<text x="${at}" y="${top - 6}">${seconds(nth * step)}</text>`
    );
  });
  return `<g class="axis">${ticks.join("")}</g>`;
}

/** The smallest of 1, 2, 5, 10, 20, 50 … ms that makes at most ten ticks. */
function tickOf(ms: number): number {
  const least = Math.max(1, ms) / 10;
  const power = 10 ** Math.floor(Math.log10(least));
  const step = [1, 2, 5, 10].find((factor) => factor * power >= least) ?? 10;
  return Math.max(1, step * power);
}

function laneSvg({ from, hostings }: Timeline, lane: Lane, y: number, x: Scale): string {
  const hosted = hostings
    .filter(({ node }) => node === lane.node)
    .map(({ epoch, from: since, to }) => {
      const [left, right] = [x(since), x(to)];
      const when = between(since - from, to - from);
      return (
        `<rect class="host" x="${left}" y="${y - 5}" width="${widthOf(left, right)}" height="3">` +
        `<title>hosts the run (epoch ${epoch}), ${when}</title></rect>`
      );
    });
  return [
    `<g class="lane" data-node="${xml(lane.node)}">`,
    `<line class="rule" x1="${MARGIN}" y1="${y - 7}" x2="${WIDTH - MARGIN}" y2="${y - 7}"/>`,
    `<text class="node" x="${MARGIN}" y="${y + 12}">${xml(clipped(lane.node, LABELS - 10))}</text>`,
    ...hosted,
    ...lane.bars.map((bar) => barSvg(bar, from, y, x)),
    "</g>",
  ].join("\n");
}

function barSvg({ attempt: one, row }: Placed, begin: number, top: number, x: Scale): string {
  const [left, right] = [x(one.from), x(one.to)];
  const width = widthOf(left, right);
  const y = top + row * ROW;
  const name = one.attempt === 1 ? one.step : `#${one.attempt} ${one.step}`;
  const text = clipped(name, width - 6);
  const cross = 4;
  const [ex, ey] = [rounded(left + width), y + BAR / 2];
  return [
    `<g class="bar ${one.end}" data-step="${xml(one.step)}" data-attempt="${one.attempt}" data-end="${one.end}" data-row="${row}">`,
    `<title>${xml(told(one, begin))}</title>`,
    `<rect x="${left}" y="${y}" width="${width}" height="${BAR}" rx="2"/>`,
    text === "" ? "" : `<text x="${left + 3}" y="${y + 12}">${xml(text)}</text>`,
    // Colour alone says nothing to some.
    one.end === "lost"
      ? `<path class="cross" d="M${ex - cross} ${ey - cross}l${2 * cross} ${2 * cross}m0 ${-2 * cross}l${-2 * cross} ${2 * cross}"/>`
      : "",
    "</g>",
  ].join("");
}

function legendSvg({ attempts, hostings }: Timeline, y: number): string {
  const there = [...ENDS].filter(([end]) => attempts.some((one) => one.end === end));
  const entries = [
    ...there.map(([end, text]) => ({ of: `bar ${end}`, mark: "", text })),
    ...(hostings.length > 0 ? [{ of: "", mark: ' class="host"', text: "hosts the run" }] : []),
  ];
  let x = MARGIN + LABELS;
  const drawn = entries.map(({ of, mark, text }) => {
    const at = x;
    x += 34 + text.length * LETTER + 10;
    const [top, height] = mark === "" ? [y - 10, 12] : [y - 5, 3];
    return (
      `<g class="${of}"><rect${mark} x="${rounded(at)}" y="${top}" width="22" height="${height}" rx="2"/></g>` +
      `<text x="${rounded(at + 28)}" y="${y}">${text}</text>`
    );
  });
  return `<g class="legend">${drawn.join("")}</g>`;
}

const titleOf = ({ run, workflow, from, to }: Timeline): string =>
  `Run ${run} of ${workflow}: ${seconds(to - from)}`;

/** What one sees at a glance, for those who do not see it. */
function descriptionOf({ attempts, nodes, endedBy, from }: Timeline): string {
  const counts = [...ENDS].flatMap(([end, text]) => {
    const count = attempts.filter((one) => one.end === end).length;
    return count === 0 ? [] : [`${count} ${text}`];
  });
  const bad = attempts.filter(({ end }) => end === "lost" || end === "failed");
  const how = endedBy === null ? "it has not ended" : `ended by ${endedBy}`;
  return [
    `${attempts.length} attempts on ${nodes.length} nodes (${nodes.join(", ")}): ${counts.join(", ")}; ${how}.`,
    ...bad.slice(0, 10).map((one) => `${told(one, from)}.`),
  ].join(" ");
}

function told({ step, attempt, node, from, to, end, why }: TimelineAttempt, begin: number): string {
  const reason = why === null ? "" : ` (${why})`;
  const how = ENDS.get(end) ?? end;
  return `${step}, attempt ${attempt} on ${node}: ${how}${reason}, ${between(from - begin, to - begin)}`;
}

const between = (from: number, to: number): string => `${seconds(from)} to ${seconds(to)}`;

const seconds = (ms: number): string => `${Number((ms / 1_000).toFixed(3))} s`;

const rounded = (pixels: number): number => Number(pixels.toFixed(2));

/** Nothing is too short to be seen. */
const widthOf = (left: number, right: number): number => rounded(Math.max(1, right - left));

function clipped(text: string, width: number): string {
  const letters = Math.floor(width / LETTER);
  if (text.length <= letters) return text;
  return letters < 3 ? "" : `${text.slice(0, letters - 1)}…`;
}

/** Text as XML may hold it: what it may not is replaced (XML 1.0, production 2). */
const xml = (text: string): string =>
  text
    .replaceAll(/[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu, "\u{FFFD}")
    .replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
