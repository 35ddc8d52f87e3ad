/** Connections that outlive the server's absences. */
import {
  AuthorizationError,
  connect,
  InvalidArgumentError,
  type NatsConnection,
  type NodeConnectionOptions,
} from "@nats-io/transport-node";
import { type Clock, pause } from "../../kernel/clock.ts";
import { MillraceError } from "../../kernel/errors.ts";
import type { Random } from "../../kernel/random.ts";

/** How to connect, beside where to: handed to the client as it is. */
export interface NatsAccess
  extends Pick<
    NodeConnectionOptions,
    "user" | "pass" | "token" | "authenticator" | "tls" | "inboxPrefix"
  > {
  /** How long the first connection may take, in ms; default 5,000. Later ones: for ever. */
  readonly connectTimeoutMs?: number;
}

/** What connecting needs besides the address: time, and chance for jitter. */
export interface ConnectWorld {
  readonly clock: Clock;
  readonly random: Random;
}

/** Default of `connectTimeoutMs`, and the longest that one attempt may take. */
export const CONNECT_TIMEOUT_MS = 5_000;
/** Between two attempts to connect: the first, plus up to the second at random. */
const RETRY_MS = 100;
const RETRY_JITTER_MS = 150;

/**
 * Connects; once connected, reconnects for ever. A frozen server is noticed within 3 s.
 * @param name what the server's monitoring shows for the connection
 * @throws MillraceError `E_OPTION_INVALID` for a URL that is none, `E_STORE_UNAVAILABLE` when no
 *   server could be reached in time, `E_SERVER_UNSUITABLE` when it refuses the credentials
 */
export async function connectTo(
  url: string,
  access: NatsAccess,
  name: string,
  { clock, random }: ConnectWorld,
): Promise<NatsConnection> {
  const { connectTimeoutMs = CONNECT_TIMEOUT_MS, ...credentials } = access;
  const { servers, ...fromUrl } = parseUrl(url);
  const options: NodeConnectionOptions = {
    ...fromUrl,
    ...credentials,
    servers,
    name,
    noAsyncTraces: true,
    timeout: Math.min(connectTimeoutMs, CONNECT_TIMEOUT_MS),
    maxReconnectAttempts: -1,
    reconnectDelayHandler: () => RETRY_MS + random.next() * RETRY_JITTER_MS,
    ignoreAuthErrorAbort: true,
    pingInterval: 1_000,
    maxPingOut: 2,
  };
  const deadline = clock.mono() + connectTimeoutMs;
  for (;;) {
    try {
      return await connect(options);
    } catch (cause) {
      if (cause instanceof AuthorizationError) throw refused(servers, cause);
      if (cause instanceof InvalidArgumentError) throw invalid(cause.message, cause);
      if (clock.mono() >= deadline) throw unreachable(servers, connectTimeoutMs, cause);
    }
    await pause(clock, RETRY_MS + random.next() * RETRY_JITTER_MS);
  }
}

interface ParsedUrl {
  readonly servers: string[];
  readonly user?: string;
  readonly pass?: string;
  readonly token?: string;
  readonly tls?: Record<string, never>;
}

/** "nats://[user:password@|token@]host[:port][,…]"; "tls://" demands encryption. */
function parseUrl(text: string): ParsedUrl {
  const urls = text.split(",").map((part) => {
    const spelled = part.trim();
    const parsed = URL.parse(spelled.includes("://") ? spelled : `nats://${spelled}`);
    if (parsed === null || parsed.hostname === "" || !/^(nats|tls):$/.test(parsed.protocol))
      throw invalid(`"${masked(spelled)}"`);
    return parsed;
  });
  const [first] = urls;
  const user = decodeURIComponent(first?.username ?? "");
  const pass = decodeURIComponent(first?.password ?? "");
  return {
    servers: urls.map(({ hostname, port }) => `${hostname}:${port || "4222"}`),
    ...(user !== "" && (pass === "" ? { token: user } : { user, pass })),
    ...(urls.some(({ protocol }) => protocol === "tls:") && { tls: {} }),
  };
}

const masked = (url: string): string => url.replaceAll(/\/\/[^@/]*@/g, "//***@");

const invalid = (why: string, cause?: unknown): MillraceError =>
  new MillraceError(
    "E_OPTION_INVALID",
    `these are not usable options of a NATS connection: ${why}; an address is written nats://host:port`,
    { cause },
  );

const refused = (servers: readonly string[], cause: Error): MillraceError =>
  new MillraceError(
    "E_SERVER_UNSUITABLE",
    `the NATS server at ${servers.join(", ")} refuses these credentials (${cause.message}); check user, password, token or key`,
    { cause, details: { servers } },
  );

const unreachable = (servers: readonly string[], ms: number, cause: unknown): MillraceError =>
  new MillraceError(
    "E_STORE_UNAVAILABLE",
    `no NATS server could be reached at ${servers.join(", ")} within ${ms} ms (${cause instanceof Error ? cause.message : String(cause)}); start one, or check address and firewall`,
    { cause, details: { servers } },
  );
