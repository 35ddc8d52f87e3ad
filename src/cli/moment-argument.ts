/** Moments and places in the log, as they are given on the command line. */
import { InvalidArgumentError } from "commander";
import type { From } from "../client/following/start-place.ts";
import type { RunMoment } from "../client/looking/state-at.ts";
import { instantOf } from "../kernel/instant.ts";
import { parseCursor } from "../ports/cursor.ts";

/** Parses a seq, or a time; for commander. */
export function momentArgument(text: string): RunMoment {
  const moment = momentOf(text);
  if (moment !== undefined) return moment;
  throw new InvalidArgumentError(
    "It must be a seq from 1, or a time such as 2026-03-01T12:00:00Z.",
  );
}

/** Parses a time, to ms since the epoch; for commander. */
export function timeArgument(text: string): number {
  const time = instantOf(text);
  if (time !== undefined) return time;
  throw new InvalidArgumentError("It must be a time such as 2026-03-01T12:00:00Z.");
}

const POSITION = /^position:(.+)$/;

/** Parses the beginning of a subscription; for commander. */
export function placeArgument(text: string): From {
  if (text === "start" || text === "now") return text;
  const position = parseCursor(POSITION.exec(text)?.[1] ?? "");
  if (position !== undefined && position !== 0) return { position };
  const moment = momentOf(text);
  if (moment !== undefined) return moment;
  throw new InvalidArgumentError(
    "It must be start, now, a seq from 1, position:N (of several partitions position:N.N.N), or a time such as 2026-03-01T12:00:00Z.",
  );
}

function momentOf(text: string): RunMoment | undefined {
  const seq = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(seq) && seq > 0) return seq;
  const time = instantOf(text);
  return time === undefined ? undefined : { time };
}
