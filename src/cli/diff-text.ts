/** What is different between two moments of a run, in lines for people. */
import { isDeepStrictEqual } from "node:util";
import type { Failure, Value } from "../../machines/values.ts";
import { type Change, type StateDiff, stateLists } from "../client/looking/state-diff.ts";
import { failureText, valueText } from "./event-text.ts";
import { clip, jsonText, moment, type Paint, table } from "./render.ts";

/** The longest value shown inside a line. */
const VALUE_CHARS = 60;

/** A table per kind of thing that changed; one line when nothing did. */
export function diffLines(diff: StateDiff, paint: Paint): string[] {
  const { run, from, to, fields } = diff;
  const head = paint("bold", `run ${run}  event ${from} → ${to}`);
  const rows = fields.map(({ field, before, after }) => [field, arrow(field, before, after)]);
  const parts = [
    ...(rows.length === 0 ? [] : [table(rows, paint)]),
    ...stateLists.flatMap(([list, name]) => {
      const changes = diff[list] as readonly Change<object>[];
      if (changes.length === 0) return [];
      const lines = table(
        changes.map((change) => entryCells(change, name)),
        paint,
      );
      return [[paint("bold", list), ...lines.map((line) => `  ${line}`)]];
    }),
  ];
  if (parts.length === 0) return [head, "nothing is different"];
  return [head, ...parts.flatMap((lines) => ["", ...lines])];
}

/** Its name, and what of it changed: all of it, when it came or went. */
function entryCells({ before, after }: Change<object>, name: string): string[] {
  const entry = after ?? before ?? {};
  const mark = before === null ? "+" : after === null ? "-" : "~";
  const told = Object.keys(entry)
    .filter((field) => field !== name && !isDeepStrictEqual(at(before, field), at(after, field)))
    .map((field) =>
      before === null || after === null
        ? `${field} ${text(field, at(entry, field))}`
        : `${field} ${arrow(field, at(before, field), at(after, field))}`,
    )
    // What was not set is not worth a word.
    .filter((part) => !part.endsWith(" -"));
  return [`${mark} ${String(at(entry, name))}`, told.join("; ")];
}

const at = (entry: object | null, field: string): unknown =>
  entry === null ? undefined : Reflect.get(entry, field);

const arrow = (field: string, before: unknown, after: unknown): string =>
  `${text(field, before)} → ${text(field, after)}`;

/** Fields that hold a time. */
const TIME = /(?:At|Until|since|due|^at|deadline)$/;

function text(field: string, value: unknown): string {
  if (value === null || value === undefined) return "-";
  if (typeof value === "number" && TIME.test(field)) return moment(value);
  if (typeof value === "string") return clip(value, VALUE_CHARS);
  if (typeof value !== "object") return String(value);
  if ("json" in value || "bytes" in value || "of" in value)
    return clip(valueText(value as Value), VALUE_CHARS);
  if ("code" in value && "message" in value)
    return clip(failureText(value as Failure), VALUE_CHARS);
  return clip(jsonText(value), VALUE_CHARS);
}
