/**
 * Runs a real nats-server for tests, the demo and the benchmark: on a free port of the loopback
 * interface, with JetStream in a folder of its own, stopped by its process id.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { deferred } from "../src/kernel/async.ts";
import { pause, systemClock } from "../src/kernel/clock.ts";

const clock = systemClock();
/** How long a server may take until it accepts connections, and to end after SIGTERM. */
const PATIENCE_MS = 20_000;

export interface NatsServerOptions {
  /** How often the store is forced to disk; "always" for every message. Default "100ms". */
  readonly syncInterval?: string;
  /** False starts a server without JetStream. Default true. */
  readonly jetstream?: boolean;
  /** Further lines of server configuration, such as an `authorization` block. */
  readonly config?: string;
}

export interface NatsServer extends AsyncDisposable {
  /** "nats://127.0.0.1:PORT"; stays the same over restarts. */
  readonly url: string;
  readonly port: number;
  /** The process id of the running server. */
  readonly pid: number;
  /** The folder that holds its configuration, its store and its log. */
  readonly folder: string;
  /** Ends it with SIGKILL, as a crash would, and resolves once it is gone. The store stays. */
  kill(): Promise<void>;
  /** Starts it again on the same port and store; it must have ended before. */
  start(): Promise<void>;
  /** Suspends the process (SIGSTOP): it keeps its connections and answers nothing. */
  freeze(): void;
  /** Lets a suspended process go on (SIGCONT). */
  thaw(): void;
  /** Ends it, gracefully if it runs, and removes its folder. */
  stop(): Promise<void>;
}

/** A port that nobody listens on at this moment. */
export async function freePort(host: string): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve, reject) => {
    probe.once("error", reject);
    probe.listen(0, host, resolve);
  });
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

/** The path of a usable nats-server, as `nats-server.sh` finds or fetches it. */
export async function natsServerBinary(): Promise<string> {
  const script = fileURLToPath(new URL("nats-server.sh", import.meta.url));
  const { stdout } = await promisify(execFile)("sh", [script]);
  return stdout.trim();
}

/** Starts a server with an empty store. Resolves when it accepts connections. */
export async function startNatsServer(options: NatsServerOptions = {}): Promise<NatsServer> {
  const binary = await natsServerBinary();
  const folder = await mkdtemp(join(tmpdir(), "millrace-nats-"));
  const first = await launch(binary, await writeConfig(folder, options, -1));
  const config = await writeConfig(folder, options, first.port);
  let running: Running | undefined = first;
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    const ending = running;
    running = undefined;
    if (ending) await ending.end(signal);
  };
  const stop = async (): Promise<void> => {
    await end("SIGTERM");
    await rm(folder, { recursive: true, force: true });
  };
  const alive = (): Running => {
    if (running) return running;
    throw new Error("this nats-server is not running; start() it first");
  };
  return {
    url: `nats://127.0.0.1:${first.port}`,
    port: first.port,
    folder,
    get pid() {
      return alive().pid;
    },
    kill: () => end("SIGKILL"),
    async start() {
      if (running) throw new Error(`this nats-server is running as process ${running.pid}`);
      running = await launch(binary, config);
    },
    freeze: () => alive().signal("SIGSTOP"),
    thaw: () => alive().signal("SIGCONT"),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

async function writeConfig(
  folder: string,
  options: NatsServerOptions,
  port: number,
): Promise<string> {
  const { syncInterval = "100ms", jetstream = true, config = "" } = options;
  const store = JSON.stringify(join(folder, "store"));
  const block = `jetstream { store_dir: ${store}, sync_interval: ${syncInterval} }`;
  const lines = ["host: 127.0.0.1", `port: ${port}`, jetstream ? block : "", config];
  const path = join(folder, "server.conf");
  await writeFile(path, `${lines.join("\n")}\n`);
  return path;
}

interface Running {
  readonly port: number;
  readonly pid: number;
  signal(name: NodeJS.Signals): void;
  end(signal: NodeJS.Signals): Promise<void>;
}

/** Starts the process and waits for the two log lines that name its port and say it is ready. */
async function launch(binary: string, config: string): Promise<Running> {
  const child = spawn(binary, ["-c", config], { stdio: ["ignore", "ignore", "pipe"] });
  const gone = deferred<void>();
  child.once("close", () => gone.resolve());
  const orphan = (): void => void child.kill("SIGKILL");
  process.once("exit", orphan);
  child.once("close", () => process.removeListener("exit", orphan));
  const port = await ready(child);
  const { pid } = child;
  if (pid === undefined) throw new Error("nats-server has no process id although it is ready");
  const signal = (name: NodeJS.Signals): void => void child.kill(name);
  return {
    port,
    pid,
    signal,
    async end(name) {
      signal(name);
      signal("SIGCONT");
      const done = new AbortController();
      const late = pause(clock, PATIENCE_MS, done.signal).then(() => {
        if (!done.signal.aborted) signal("SIGKILL");
      });
      await gone.promise;
      done.abort();
      await late;
    },
  };
}

function ready(child: ChildProcess): Promise<number> {
  const { promise, resolve, reject } = deferred<number>();
  let output = "";
  const fail = (why: string): void => reject(new Error(`nats-server ${why}:\n${output.trim()}`));
  child.stderr?.on("data", (chunk: Buffer) => {
    if (output.length < 64 * 1024) output += chunk.toString();
    const port = /Listening for client connections on \S+:(\d+)/.exec(output)?.[1];
    if (port !== undefined && output.includes("Server is ready")) resolve(Number(port));
  });
  child.once("error", (error) => fail(`could not be started (${error.message})`));
  child.once("exit", (code) => fail(`ended with code ${code} before it was ready`));
  const cancel = clock.after(PATIENCE_MS, () => {
    fail(`was not ready after ${PATIENCE_MS} ms`);
    child.kill("SIGKILL");
  });
  return promise.finally(cancel);
}
