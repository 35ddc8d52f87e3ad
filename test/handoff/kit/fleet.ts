/** Real processes over one store, each a node with resources of its own; all of them are ended afterwards. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { type Dag, type Millrace, type MillraceError, open } from "../../../src/index.ts";
import { systemIds } from "../../../src/kernel/ids.ts";
import { silentLogger } from "../../../src/kernel/logger.ts";
import type { OpenOptions } from "../../../src/runtime/options.ts";
import { refusal, until } from "../../engine/kit/scene.ts";
import { chained, pinnedAndBeside } from "../fixtures/fleet-dags.ts";

const WORKER = new URL("../fixtures/fleet-worker.ts", import.meta.url).pathname;

export class Fleet {
  readonly #store: string;
  readonly #namespace = `fleet-${systemIds()}`;
  readonly #gates = mkdtempSync(join(tmpdir(), "millrace-gates-"));
  readonly #workers = new Map<string, ChildProcess>();
  readonly #opened: Millrace[] = [];

  constructor(store: string) {
    this.#store = store;
  }

  /** Another process with these resources, up and known to all. */
  async node(id: string, resources: Readonly<Record<string, number>>): Promise<ChildProcess> {
    const args = [WORKER, this.#store, this.#namespace, id, JSON.stringify(resources)];
    const env = { ...process.env, MILLRACE_TEST_GATES: this.#gates };
    const child = spawn(process.execPath, args, { env, stdio: ["ignore", "pipe", "inherit"] });
    this.#workers.set(id, child);
    await once(child.stdout, "data");
    return child;
  }

  /** A client of it in this process. */
  async open(options: OpenOptions = {}): Promise<Millrace> {
    process.env["MILLRACE_TEST_GATES"] = this.#gates;
    const millrace = await open({
      store: this.#store,
      namespace: this.#namespace,
      logger: silentLogger,
      stopGrace: 0,
      ...options,
    });
    this.#opened.push(millrace);
    return millrace;
  }

  /** Lets go on what waits for this gate, wherever it runs. */
  openGate(name: string): void {
    writeFileSync(join(this.#gates, name), "");
  }

  /** Ends a node without warning. */
  async kill(id: string): Promise<void> {
    const child = this.#workers.get(id);
    this.#workers.delete(id);
    if (child?.exitCode === null && child.signalCode === null && child.kill("SIGKILL")) {
      await once(child, "exit");
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#opened.map((millrace) => millrace.close()));
    for (const id of [...this.#workers.keys()]) await this.kill(id);
    rmSync(this.#gates, { recursive: true, force: true });
  }
}

/** What nodes have taken: all that they have, without what is free. */
export async function claims(millrace: Millrace): Promise<Record<string, number>> {
  const taken: Record<string, number> = {};
  for (const { id, resources, free } of await millrace.nodes()) {
    for (const [name, has] of Object.entries(resources)) {
      const used = has - (free[name] ?? 0);
      if (used !== 0) taken[`${id} ${name}`] = used;
    }
  }
  return taken;
}

/** Waits until nothing is taken anywhere. */
export const nothingTaken = (millrace: Millrace): Promise<void> =>
  until("nothing is taken", async () => Object.keys(await claims(millrace)).length === 0);

/** The error that it rejects with; fails when it does not. */
export const refused = async (promise: Promise<unknown>): Promise<MillraceError> =>
  (await refusal(promise)) as MillraceError;

/** What 13 and 14 reject with, side by side: each waits for nodes that may come, in vain. */
export async function misfits(execute: (dag: Dag) => Promise<unknown>): Promise<MillraceError[]> {
  const errors = await Promise.all(
    [pinnedAndBeside, chained(3)].map((one) => refused(execute(one))),
  );
  expect(errors.map(({ code }) => code)).toEqual(Array(2).fill("E_RESOURCES_UNAVAILABLE"));
  return errors;
}
