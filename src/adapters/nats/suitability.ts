/**
 * Can this server do what the adapter relies on? Old ones accept new headers and stream options
 * without a word and then do something else, so the question is asked at every opening.
 */
import type { ServerInfo } from "@nats-io/transport-node";
import { pause } from "../../kernel/clock.ts";
import { MillraceError } from "../../kernel/errors.ts";
import { limits } from "../../kernel/limits.ts";
import { Away, answerOf, apiCodes, refusal } from "./answers.ts";
import type { Link } from "./link.ts";

/** The first server with schedules, and with the wildcard expectations that appends use. */
const MINIMUM = { major: 2, minor: 12, apiLevel: 2 } as const;
/** The largest frame, and its headers. */
const PAYLOAD_MIN = limits.frameBytesMax + 1_024;
const ASK_EVERY_MS = 100;

/** What the account may use, in the server's words; -1: no limit. */
export interface AccountInfo {
  readonly limits: Readonly<Record<string, unknown>>;
  readonly streams: number;
  readonly consumers: number;
  readonly storage: number;
  readonly memory: number;
}

/** @throws MillraceError `E_SERVER_UNSUITABLE` for a server that is too old, or takes too little */
export function checkServer(info: ServerInfo | undefined): void {
  const { version = "of unknown version", api_lvl: apiLevel = 0 } = info ?? {};
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const recent = major > MINIMUM.major || (major === MINIMUM.major && minor >= MINIMUM.minor);
  if (!recent || apiLevel < MINIMUM.apiLevel)
    throw unsuitable(
      `nats-server ${version} (JetStream API level ${apiLevel}) is too old; use ${MINIMUM.major}.${MINIMUM.minor} (level ${MINIMUM.apiLevel}) or newer`,
      { version, apiLevel },
    );
  const maxPayload = info?.max_payload ?? 0;
  if (maxPayload < PAYLOAD_MIN)
    throw unsuitable(
      `nats-server takes messages of ${maxPayload} bytes at most, and a frame may need ${PAYLOAD_MIN}; raise its max_payload`,
      { maxPayload },
    );
}

/**
 * Waits, no longer than `ms`, until JetStream answers.
 * @throws MillraceError `E_SERVER_UNSUITABLE` when it is not enabled, for the server or for this
 *   account; `E_STORE_UNAVAILABLE` when it does not answer
 */
export async function jetStreamAccount(link: Link, ms: number): Promise<AccountInfo> {
  const { info } = link.connection;
  const deadline = link.clock.mono() + ms;
  for (;;) {
    const answer = answerOf<AccountInfo>(await link.requests.send("$JS.API.INFO", ""));
    if (!(answer instanceof Away)) {
      if (answer.error?.err_code === apiCodes.notEnabledForAccount) throw disabled(info);
      if (answer.error) throw refusal(answer.error);
      return answer;
    }
    const late = link.clock.mono() >= deadline;
    // In a cluster the leader may still be being elected; a lone server without JetStream has none.
    const hopeless = info?.jetstream !== true && info?.cluster === undefined;
    if (answer.why === "no responders" && (hopeless || late)) throw disabled(info);
    if (late) throw silent(ms, answer);
    await pause(link.clock, ASK_EVERY_MS);
  }
}

const unsuitable = (message: string, details: Record<string, unknown>): MillraceError =>
  new MillraceError("E_SERVER_UNSUITABLE", message, { details });

const disabled = (info: ServerInfo | undefined): MillraceError =>
  unsuitable(
    `JetStream is not enabled on nats-server ${info?.version ?? ""} for this account; add a "jetstream" block to the server's configuration, and "jetstream: enabled" to the account's`,
    { version: info?.version ?? "" },
  );

const silent = (ms: number, { why }: Away): MillraceError =>
  new MillraceError(
    "E_STORE_UNAVAILABLE",
    `JetStream did not answer within ${ms} ms (${why}); look at the server's log, and whether its cluster has a leader`,
  );
