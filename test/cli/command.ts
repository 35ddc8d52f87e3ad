/**
 * The real command line for tests: as a process, of which none outlives them, or in the process of the test,
 * which costs a tenth.
 */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { afterAll } from "vitest";
import type { Cli } from "../../src/cli/cli.ts";
import { Output } from "../../src/cli/output.ts";
import { runCommand } from "../../src/cli/program.ts";
import { systemClock } from "../../src/kernel/clock.ts";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));

/** The file of workflows that most tests run. */
export const FLOWS = fileURLToPath(new URL("fixtures/flows.ts", import.meta.url));

export interface Done {
  /** Exit code; null when a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Started {
  readonly child: ChildProcessWithoutNullStreams;
  /** Resolves when stdout or stderr has come to contain `text`; rejects if it ends before. */
  says(text: string): Promise<void>;
  readonly done: Promise<Done>;
}

export interface Place {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** Starts `millrace` with these arguments; colours off, no store from the environment. */
export function start(args: readonly string[], { env = {}, cwd }: Place = {}): Started {
  const { MILLRACE_STORE: _, ...inherited } = process.env;
  const child = spawn(process.execPath, [MAIN, ...args], {
    env: { ...inherited, ...env },
    ...(cwd === undefined ? {} : { cwd }),
  });
  running.add(child);
  const said = { stdout: "", stderr: "" };
  const waiting = new Set<() => void>();
  const hear = (stream: "stdout" | "stderr"): void => {
    child[stream].setEncoding("utf8").on("data", (text: string) => {
      said[stream] += text;
      for (const look of [...waiting]) look();
    });
  };
  hear("stdout");
  hear("stderr");
  const done = once(child, "close").then(([code]) => {
    running.delete(child);
    return { code: code as number | null, ...said };
  });
  const says = (text: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        if (!`${said.stdout}${said.stderr}`.includes(text)) return;
        waiting.delete(look);
        resolve();
      };
      waiting.add(look);
      look();
      done.then(
        (end) => reject(new Error(`ended without ${text}: ${JSON.stringify(end)}`)),
        reject,
      );
    });
  return { child, says, done };
}

/** Runs `millrace` to its end. */
export const millrace = (args: readonly string[], place?: Place): Promise<Done> =>
  start(args, place).done;

/**
 * Runs a command to its end in this process: the same arguments, output and exit code. For what neither hosts
 * runs nor listens to signals or stdin; the user's files that it loads are loaded into the test.
 */
export async function command(args: readonly string[]): Promise<Done> {
  const said = { stdout: "", stderr: "" };
  const stream = (name: keyof typeof said): Writable =>
    new Writable({
      decodeStrings: false,
      write(text: string, _encoding, done) {
        said[name] += text;
        done();
      },
    });
  const { MILLRACE_STORE: _, ...env } = process.env;
  const output = new Output(stream("stdout"), stream("stderr"), env);
  const cli: Cli = { output, env, clock: systemClock(), exitCode: 0 };
  await runCommand([process.execPath, MAIN, ...args], cli);
  await output.flush();
  return { code: cli.exitCode, ...said };
}

/** All items of a finite iterable. */
export async function all<T>(items: AsyncIterable<T>): Promise<readonly T[]> {
  const got: T[] = [];
  for await (const item of items) got.push(item);
  return got;
}

/** The lines of text that are JSON each. */
export const jsonLines = (text: string): Record<string, unknown>[] =>
  text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);

/** A new empty folder, removed after the tests of the file. */
export async function scratchFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "millrace-cli-"));
  folders.add(folder);
  return folder;
}

/** The address of a store that is not there yet, in a folder of its own. */
export const scratchStore = async (): Promise<string> =>
  `sqlite:${join(await scratchFolder(), "runs.db")}`;

// Vitest asks for colours; those who read what a command says do not.
delete process.env["FORCE_COLOR"];

const running = new Set<ChildProcessWithoutNullStreams>();
const folders = new Set<string>();

afterAll(async () => {
  for (const child of running) child.kill("SIGKILL");
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
});
