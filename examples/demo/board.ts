/** What the cluster demo shows while it runs: nodes, what each has free, and what runs where. */

import { LiveRegion } from "../../src/cli/live-region.ts";
import { Output } from "../../src/cli/output.ts";
import { type Cell, clip, duration, table } from "../../src/cli/render.ts";
import type { NodeInfo, RecordedEvent } from "../../src/index.ts";
import { type Timeline, timelineOf } from "../../src/index.ts";
import { systemClock } from "../../src/kernel/clock.ts";

const HEADER: readonly Cell[] = ["NODE", "STATE", "FREE", "DONE", "RUNS NOW"].map((text) => ({
  text,
  style: "dim",
}));
const PLACEMENTS_WIDTH = 60;

/** Drawn in place on a terminal; elsewhere a line for whatever is worth one. */
export class Board {
  readonly #clock = systemClock();
  readonly #output = new Output(process.stderr, process.stderr, process.env);
  readonly #tasks: number;
  readonly #events: RecordedEvent[] = [];
  readonly #known = new Map<string, NodeInfo>();
  readonly #gone = new Map<string, string>();
  readonly #region: LiveRegion;

  constructor(tasks: number) {
    this.#tasks = tasks;
    this.#region = new LiveRegion(this.#output, this.#clock, (max) => this.#lines().slice(0, max));
  }

  /** Who is there now. */
  nodes(listed: readonly NodeInfo[]): void {
    for (const node of listed) this.#known.set(node.id, node);
  }

  /** The run's next event. */
  take(event: RecordedEvent): void {
    this.#events.push(event);
    if (event.type === "run.claimed") this.say(`${event.node} hosts the run`);
    if (event.type === "step.retrying") {
      this.say(`attempt ${event.attempt} of ${event.step} is lost: it is made again elsewhere`);
    }
    if (this.#output.redraws || event.type !== "step.completed") return;
    const { attempts } = this.#timeline();
    const node = attempts.findLast(({ step }) => step === event.step)?.node ?? "";
    this.say(`${this.#done(attempts)}/${this.#tasks}  ${event.step} on ${node}`);
  }

  /** A worker was ended by the demo. */
  gone(node: string, how: string): void {
    this.#gone.set(node, how);
  }

  say(text: string): void {
    this.#region.above(text);
  }

  /** Leaves the table as it is now. */
  async close(): Promise<void> {
    await this.#region.close();
    for (const line of this.#lines()) this.#output.print(line);
  }

  #timeline = (): Timeline => timelineOf(this.#events, this.#clock.now());

  #done = (attempts: Timeline["attempts"]): number =>
    attempts.filter(({ end }) => end === "completed").length;

  #lines(): string[] {
    const { attempts, hostings, from, to } = this.#timeline();
    const host = hostings.at(-1)?.node;
    const rows = [...this.#known.values()].map((node): readonly Cell[] => {
      const own = attempts.filter((one) => one.node === node.id);
      const runs = own.filter(({ end }) => end === "running").map(({ step }) => step);
      return [
        node.id,
        this.#state(node.id, node.id === host),
        freeText(node),
        String(this.#done(own)),
        clip(runs.join(" "), PLACEMENTS_WIDTH),
      ];
    });
    const head = `${this.#done(attempts)} of ${this.#tasks} tasks done, ${duration(to - from)}`;
    return [this.#output.paint("bold", head), ...table([HEADER, ...rows], this.#output.paint)];
  }

  #state(node: string, hosts: boolean): Cell {
    const how = this.#gone.get(node);
    if (how !== undefined) return { text: how, style: "red" };
    return { text: hosts ? "host" : "alive", style: "green" };
  }
}

/** "cpu 1/4, gpu 0/1". */
const freeText = ({ resources, free }: NodeInfo): string =>
  Object.entries(resources)
    .filter(([name]) => name !== "steps")
    .map(([name, has]) => `${name} ${Number((free[name] ?? 0).toFixed(1))}/${has}`)
    .join(", ");
