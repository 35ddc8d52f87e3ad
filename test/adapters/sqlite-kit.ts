/** What the tests of the SQLite adapter have in common: scratch files, frames, other processes. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sqliteStore } from "../../src/adapters/sqlite/store.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { systemIds } from "../../src/kernel/ids.ts";
import { systemRandom } from "../../src/kernel/random.ts";
import type { EventLog, NewFrame, ReadRange, StoredFrame } from "../../src/ports/event-log.ts";
import type { Store, StoreOptions } from "../../src/ports/store.ts";

export const world = { clock: systemClock(), random: systemRandom, ids: systemIds };

export const openStore = (path: string, options: Partial<StoreOptions> = {}): Promise<Store> =>
  sqliteStore(path, { namespace: "default", node: "node-1", world, ...options });

/** A folder of its own for `work`, and a path in it; removed afterwards. */
export async function inScratch(work: (path: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "millrace-sqlite-"));
  try {
    await work(join(folder, "store.db"));
  } finally {
    await rm(folder, { recursive: true });
  }
}

const [encoder, decoder] = [new TextEncoder(), new TextDecoder()];

export const encode = (body: string): Uint8Array => encoder.encode(body);

export const frame = (run: string, expected: number, body: string): NewFrame => ({
  workflow: "flow",
  run,
  expected,
  bytes: encode(body),
});

export async function put(log: EventLog, next: NewFrame): Promise<number> {
  const outcome = await log.append(next);
  if (!outcome.ok) throw new Error(`${next.run} after ${next.expected}: head is ${outcome.head}`);
  return outcome.position;
}

export async function readAll(log: EventLog, range: ReadRange = {}): Promise<StoredFrame[]> {
  const frames: StoredFrame[] = [];
  for await (const stored of log.read(range)) frames.push(stored);
  return frames;
}

export const bodies = (frames: readonly StoredFrame[]): string[] =>
  frames.map(({ bytes }) => decoder.decode(bytes));

/** A process of its own with the store open, doing what sqlite-process.ts knows under `task`. */
export class OtherProcess implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #heard: unknown[] = [];
  #listener: () => void = () => undefined;

  constructor(task: string, path: string, node: string) {
    const script = new URL("./sqlite-process.ts", import.meta.url).pathname;
    this.#child = fork(script, [task, path, node], { execArgv: [] });
    this.#child.on("message", (message) => {
      this.#heard.push(message);
      this.#listener();
    });
    this.#child.on("exit", () => this.#listener());
  }

  /** All it said so far. */
  get heard(): readonly unknown[] {
    return this.#heard;
  }

  say(message: object): void {
    this.#child.send(message);
  }

  /** Resolves once it has said so many things; rejects if it ends before. */
  async hears(count: number): Promise<void> {
    for (;;) {
      if (this.#heard.length >= count) return;
      if (this.#child.exitCode !== null) throw new Error(`it ended with ${this.#child.exitCode}`);
      await new Promise<void>((resolve) => {
        this.#listener = resolve;
      });
    }
  }

  freeze(): void {
    this.#child.kill("SIGSTOP");
  }

  /** Kills it with SIGKILL and waits until it is gone. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = once(this.#child, "close");
    this.#child.kill("SIGKILL");
    await gone;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill();
  }
}
