/** Why a run is not finished, as `explain` and `describe` print it. */
import type { Explanation } from "../domain/explain.ts";
import type { KeptSignal, Wait } from "../domain/wait.ts";
import type { Cli } from "./cli.ts";
import { duration, moment, table, visible } from "./render.ts";

/** What the run waits for, and what is kept for it. */
export function explainLines(
  { run, status, waits, kept }: Explanation,
  { clock, output }: Cli,
): string[] {
  if (waits.length === 0) return [`run ${run} has ended (${status}); it waits for nothing`];
  const now = clock.now();
  const rows = waits.map(({ what, since, until, by, next }) => [
    what,
    duration(now - since),
    until === null ? "" : moment(until),
    by,
    next,
  ]);
  const head = ["waits for", "since", "until", "ended by", "then"];
  const told = [...waits.flatMap(nodeLines), ...kept.map((one) => keptLine(one, now))];
  return [...table([head, ...rows], output.paint), ...told];
}

const nodeLines = ({ step = "", nodes = [] }: Wait): string[] =>
  nodes.map(
    ({ node, why }) => `step ${visible(step)} is not on node ${visible(node)}: ${visible(why)}`,
  );

function keptLine({ name, signal, since, decision }: KeptSignal, now: number): string {
  const what = decision === undefined ? "signal" : "decision about";
  return `${what} ${name} (${visible(signal)}) came ${duration(now - since)} ago and is kept: nothing waits for it yet`;
}
