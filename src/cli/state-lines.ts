/** What a run had handed out beside its steps, as `state` and `describe` print it. */
import type { StateView } from "../client/looking/state-view.ts";
import { valueText } from "./event-text.ts";
import { moment, type Paint, table } from "./render.ts";

/** What there was beside the steps, kind by kind. */
export function restLines(
  { timers, waits, signals, checkpoints, outputs }: StateView,
  paint: Paint,
): string[] {
  const until = (due: number | null): string => (due === null ? "" : `until ${moment(due)}`);
  const parts: [string, string[][]][] = [
    ["timers", timers.map(({ timer, due }) => [timer, until(due)])],
    ["waits", waits.map(({ wait, name, due }) => [wait, `for ${name}`, until(due)])],
    [
      "signals",
      signals.map(({ id, name, payload, takenBy }) => [
        ...[id, name, takenBy === null ? "not taken" : `taken by ${takenBy}`, valueText(payload)],
      ]),
    ],
    [
      "checkpoints",
      checkpoints.map(({ checkpoint, node, at, bytes }) => [
        ...[String(checkpoint), node, moment(at), `${bytes} bytes`],
      ]),
    ],
    [
      "outputs",
      outputs.map(({ ref, producer, attempt, type, name }) => [
        ...[ref, producer, `attempt ${attempt}`, type, name ?? ""],
      ]),
    ],
  ];
  return parts.flatMap(([what, rows]) =>
    rows.length === 0
      ? []
      : ["", paint("bold", what), ...table(rows, paint).map((line) => `  ${line}`)],
  );
}
