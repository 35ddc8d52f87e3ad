/**
 * Of how many partitions the log of a namespace is. It is decided when the first stream of the log is made,
 * and stands in the subjects that this stream keeps: there it cannot come to disagree with what is stored.
 */
import type { JetStreamManager } from "@nats-io/jetstream";
import { MillraceError } from "../../kernel/errors.ts";
import { limits } from "../../kernel/limits.ts";
import { awayOf } from "./answers.ts";
import type { Link } from "./link.ts";
import { configOf } from "./provision.ts";
import {
  type LogPart,
  partitionsIn,
  partOf,
  type Subjects,
  subjectsOf,
  WHOLE,
} from "./subjects.ts";

/** Which namespace, and what is wanted of it. */
export interface PartsWanted {
  readonly namespace: string;
  /** Undefined: what is there, else one. */
  readonly partitions: number | undefined;
  readonly signal: AbortSignal;
}

/**
 * The partitions of the log, as they are or as they are to be made.
 * @throws MillraceError `E_OPTION_INVALID` for a number that is none, `E_STORE_DRIFT` when there are others,
 *   `E_STORE_UNAVAILABLE` when the signal aborts
 */
export async function logParts(
  link: Link,
  manager: JetStreamManager,
  { namespace, partitions: wanted, signal }: PartsWanted,
): Promise<readonly LogPart[]> {
  const isNumber = wanted === undefined || (Number.isSafeInteger(wanted) && wanted >= 1);
  if (!isNumber || (wanted ?? 1) > limits.partitionsMax) {
    throw new MillraceError(
      "E_OPTION_INVALID",
      `partitions: ${wanted} is not a whole number from 1 to ${limits.partitionsMax}`,
      { details: { option: "partitions" } },
    );
  }
  const keptBy = (part: LogPart) => subjectKept(link, manager, subjectsOf(namespace, part), signal);
  const subject = await keptBy(WHOLE);
  // A stream that keeps anything else was changed by hand: what it must be like is checked next. Where the
  // first is gone, the second still says how many there were.
  const there =
    subject === undefined
      ? partOf((await keptBy(SECOND)) ?? "")?.partitions
      : partitionsIn(namespace, subject);
  if (there !== undefined && wanted !== undefined && there !== wanted) {
    throw otherPartitions(namespace, there, wanted);
  }
  const partitions = there ?? wanted ?? 1;
  return Array.from({ length: partitions }, (_, partition) => ({ partition, partitions }));
}

/** Wherever there is a second partition, its stream is called so. */
const SECOND: LogPart = { partition: 1, partitions: 2 };

/** What the stream keeps; undefined: there is no such stream. */
function subjectKept(
  link: Link,
  manager: JetStreamManager,
  { streams: { log: stream } }: Subjects,
  signal: AbortSignal,
): Promise<string | undefined> {
  const ask = { what: `look at stream ${stream}`, stream, restore: async () => {}, signal };
  return link.insist(ask, async () => {
    try {
      return (await configOf(manager, stream))?.subjects?.[0];
    } catch (error) {
      const away = awayOf(error);
      if (away) return away;
      throw error;
    }
  });
}

const otherPartitions = (namespace: string, there: number, wanted: number): MillraceError =>
  new MillraceError(
    "E_STORE_DRIFT",
    `the log of namespace ${namespace} has ${there} partitions, not ${wanted}; that was decided when it was made: open it without \`partitions\`, or make another namespace and move the runs there with \`millrace export\` and \`millrace import\``,
    { details: { namespace, partitions: there, wanted } },
  );
