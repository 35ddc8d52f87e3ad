/**
 * How things look on a terminal: tables, durations, times. And the one place that makes text from
 * elsewhere (error messages, payloads, step output) harmless before it gets there: a terminal obeys
 * escape sequences, whoever wrote them.
 */
import type { styleText } from "node:util";

/** A colour or weight, as `styleText` of node:util knows it. */
export type Style = Parameters<typeof styleText>[0];

/** Applies a style, or not, when colours are not wanted. */
export type Paint = (style: Style, text: string) => string;

/** Controls, marks that change the direction of writing, line separators, halves of characters. */
const HOSTILE = /(?!\u200d)[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;
const NAMED: ReadonlyMap<string, string> = new Map([
  ["\n", "\\n"],
  ["\r", "\\r"],
  ["\t", "\\t"],
]);

/** `text` on one line, with everything that a terminal would obey written out: ESC becomes `\x1b`. */
export const visible = (text: string): string =>
  text.replaceAll(HOSTILE, (char) => {
    const code = char.codePointAt(0) ?? 0;
    const hex = code.toString(16);
    return NAMED.get(char) ?? (code < 256 ? `\\x${hex.padStart(2, "0")}` : `\\u{${hex}}`);
  });

/** The lines of `text`, each made visible; tabs become spaces. */
export const visibleLines = (text: string): string[] =>
  text.split(/\r?\n/).map((line) => visible(line.replaceAll("\t", "  ")));

/** JSON text that a terminal shows as it is: what `visible` writes out is a JSON escape (`\u001b`) here. */
export const jsonText = (value: unknown, indent?: number): string =>
  (JSON.stringify(value, null, indent) ?? "null").replaceAll(HOSTILE, (char) =>
    char === "\n" ? char : Array.from({ length: char.length }, (_, at) => unit(char, at)).join(""),
  );

const unit = (char: string, at: number): string =>
  `\\u${char.charCodeAt(at).toString(16).padStart(4, "0")}`;

/** "812ms", "12.3s", "4m05s", "3h07m", "2d04h". */
export function duration(ms: number): string {
  const whole = Math.max(0, Math.floor(ms));
  if (whole < 1_000) return `${whole}ms`;
  if (whole < 60_000) return `${(Math.floor(whole / 100) / 10).toFixed(1)}s`;
  const minutes = Math.floor(whole / 60_000);
  if (minutes < 60) return `${minutes}m${two(Math.floor(whole / 1_000) % 60)}s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours}h${two(minutes % 60)}m`;
  return `${Math.floor(hours / 24)}d${two(hours % 24)}h`;
}

const two = (value: number): string => String(value).padStart(2, "0");

const moments = new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeStyle: "medium" });

/** A time as "2026-11-22 08:21:07", in the time zone of this machine. */
export const moment = (at: number): string => moments.format(at);

/** One field of a table; made visible, and styled, by `table`. */
export type Cell = string | { readonly text: string; readonly style: Style };

/** The first row of a table: what its columns are. */
export const header = (...columns: string[]): readonly Cell[] =>
  columns.map((text) => ({ text, style: "dim" }));

/** Lines with columns of equal width, two spaces apart; the last column is as long as it is. */
export function table(rows: readonly (readonly Cell[])[], paint: Paint): string[] {
  const texts = rows.map((row) => row.map((cell) => visible(textOf(cell))));
  const widths: number[] = [];
  for (const row of texts) {
    for (const [at, text] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, text.length);
  }
  return rows.map((row, nth) =>
    row
      .map((cell, at) => {
        const text = texts[nth]?.[at] ?? "";
        const padded = at === row.length - 1 ? text : text.padEnd(widths[at] ?? 0);
        return typeof cell === "string" ? padded : paint(cell.style, padded);
      })
      .join("  ")
      .trimEnd(),
  );
}

const textOf = (cell: Cell): string => (typeof cell === "string" ? cell : cell.text);

/** At most `width` characters, the last one an ellipsis when something was cut off. */
export const clip = (text: string, width: number): string =>
  text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`;

const STATUS_STYLES: Readonly<Record<string, Style>> = {
  completed: "green",
  running: "cyan",
  pending: "dim",
  waiting: "dim",
  skipped: "dim",
  parked: "blue",
  suspended: "blue",
  retrying: "yellow",
  held: "red",
  cancelling: "yellow",
  cancelled: "yellow",
  terminated: "yellow",
  failed: "red",
  quarantined: "red",
};

/** The status of a run or step in its colour. */
export const statusCell = (status: string): Cell => {
  const style = STATUS_STYLES[status];
  return style === undefined ? status : { text: status, style };
};
