/**
 * The streams of a namespace: made if missing, and compared with what they must be on every open,
 * because a stream that was changed by hand (an age limit on the log, say) loses runs in silence.
 */
import { isDeepStrictEqual } from "node:util";
import {
  DiscardPolicy,
  JetStreamApiError,
  type JetStreamManager,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
} from "@nats-io/jetstream";
import { nanos } from "@nats-io/transport-node";
import { MillraceError } from "../../kernel/errors.ts";
import { limits } from "../../kernel/limits.ts";
import { Away, apiCodes, awayOf } from "./answers.ts";
import type { Link } from "./link.ts";
import {
  type LogPart,
  republished,
  type Streams,
  type Subjects,
  subjectsOf,
  WHOLE,
} from "./subjects.ts";

/** The part of a stream's configuration that must be as we say. The rest is the operator's. */
export type Demanded = Partial<StreamConfig> & { readonly name: string };

/** A server of 2.15 or newer would allow 1,000 consumers per stream, and refuse the next. */
const CONSUMERS_MAX = 100_000;
/** Nothing relies on message ids, except a post that is sent again: see `INBOX_RESEND_MS`. */
const NO_DUPLICATES_MS = 1_000;
/** For so long a post whose answer was lost can be sent again without being stored twice. */
const INBOX_RESEND_MS = 60_000;
/**
 * A server that has just removed its last stream clears away the folder of all streams, perhaps while the next one
 * is made there: that fails, and succeeds a moment later. What fails so often has another reason.
 */
const STORE_FAULTS_MAX = 4;
/** How long the mark of a node that went away is kept for those who watch the bucket. */
const NODE_MARKER_MS = 1_000;

const common: Partial<StreamConfig> = {
  retention: RetentionPolicy.Limits,
  storage: StorageType.File,
  discard: DiscardPolicy.New,
  max_msgs: -1,
  max_msgs_per_subject: -1,
  max_age: 0,
  max_consumers: CONSUMERS_MAX,
  duplicate_window: nanos(NO_DUPLICATES_MS),
  allow_direct: true,
  deny_purge: false,
};

const bucket: Partial<StreamConfig> = {
  ...common,
  max_msgs_per_subject: 1,
  allow_rollup_hdrs: true,
};

/** What the stream of one partition of the log must look like. */
export const demandedLog = (namespace: string, part: LogPart): Demanded => {
  const { streams, all } = subjectsOf(namespace, part);
  return {
    ...common,
    name: streams.log,
    subjects: [...all.log],
    deny_delete: true,
    allow_rollup_hdrs: false,
    republish: republished(namespace, part).log,
  };
};

/** What each stream of the namespace must look like, beside those of the log. */
export function demandedStreams(subjects: Subjects, namespace: string): readonly Demanded[] {
  const copies = republished(namespace, WHOLE);
  const only = (kind: keyof Streams, config: Partial<StreamConfig>): Demanded => ({
    ...config,
    name: subjects.streams[kind],
    subjects: [...subjects.all[kind]],
  });
  return [
    only("inbox", {
      ...common,
      max_age: nanos(limits.inputKeptMs),
      duplicate_window: nanos(INBOX_RESEND_MS),
      deny_delete: true,
      allow_rollup_hdrs: false,
      republish: copies.inbox,
    }),
    only("work", { ...common, retention: RetentionPolicy.Workqueue }),
    only("timers", {
      ...bucket,
      discard: DiscardPolicy.Old,
      deny_delete: false,
      allow_msg_schedules: true,
    }),
    only("nodes", {
      ...bucket,
      storage: StorageType.Memory,
      allow_msg_ttl: true,
      subject_delete_marker_ttl: nanos(NODE_MARKER_MS),
    }),
    only("views", bucket),
    only("blobs", { ...common, allow_rollup_hdrs: true }),
  ];
}

/**
 * Makes the stream if it is missing and checks it if it is there. A crash of the server while it
 * creates a stream can leave one that vanishes at the next start; writing its configuration again
 * prevents that, so an update follows in every case.
 * @param replicas for a stream that is made; one that is there keeps what it has
 * @throws MillraceError `E_STORE_DRIFT` naming stream and fields, `E_SERVER_UNSUITABLE` when the
 *   server refuses (too many replicas, its limits), `E_STORE_UNAVAILABLE` when the signal aborts
 */
export async function ensureStream(
  link: Link,
  manager: JetStreamManager,
  demanded: Demanded,
  replicas: number,
  signal?: AbortSignal,
): Promise<void> {
  const { name } = demanded;
  const ask = { what: `set up stream ${name}`, stream: name, restore: async () => {}, signal };
  let storeFaults = 0;
  await link.insist(ask, async () => {
    try {
      const present = await configOf(manager, name);
      if (present) checkDrift(demanded, present);
      else await manager.streams.add({ ...demanded, num_replicas: replicas });
      await manager.streams.update(name, demanded);
      checkDrift(demanded, (await configOf(manager, name)) ?? {});
      return true;
    } catch (error) {
      const away = awayOf(error);
      if (away) return away;
      // Another process made it at the same moment, with other replicas: look at it again.
      if (isApiError(error, apiCodes.streamNameTaken)) return new Away("busy");
      if (isApiError(error, apiCodes.streamStoreFailed) && storeFaults++ < STORE_FAULTS_MAX) {
        return new Away("busy");
      }
      throw error instanceof JetStreamApiError ? refused(name, error) : error;
    }
  });
}

/** The stream's configuration; undefined: there is no such stream. */
export async function configOf(
  manager: JetStreamManager,
  name: string,
): Promise<Partial<StreamConfig> | undefined> {
  try {
    return (await manager.streams.info(name)).config;
  } catch (error) {
    if (isApiError(error, apiCodes.streamNotFound)) return undefined;
    throw error;
  }
}

const isApiError = (error: unknown, code: number): boolean =>
  error instanceof JetStreamApiError && error.code === code;

function checkDrift(demanded: Demanded, present: Partial<StreamConfig>): void {
  const fields = Object.keys(demanded) as (keyof Demanded)[];
  const drifted = fields.filter((field) => !same(demanded[field], present[field]));
  if (drifted.length === 0) return;
  const list = drifted
    .map((field) => `${field} is ${show(present[field])}, not ${show(demanded[field])}`)
    .join("; ");
  throw new MillraceError(
    "E_STORE_DRIFT",
    `stream ${demanded.name} was changed: ${list}; set it back with "nats stream edit", or use another namespace`,
    { details: { stream: demanded.name, fields: drifted } },
  );
}

const refused = (stream: string, cause: JetStreamApiError): MillraceError =>
  new MillraceError(
    "E_SERVER_UNSUITABLE",
    `the server refuses to set up stream ${stream}: ${cause.message}; look at its limits, and at the number of replicas asked for`,
    { cause, details: { stream, apiCode: cause.code } },
  );

/** The server leaves out what is false. */
const same = (demanded: unknown, present: unknown): boolean =>
  isDeepStrictEqual(demanded, present ?? (demanded === false ? false : undefined));

const show = (value: unknown): string => JSON.stringify(value) ?? "unset";
