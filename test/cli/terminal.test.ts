/**
 * What `millrace run` draws on a terminal, judged by what stands on the screen afterwards: a small
 * terminal here obeys the few sequences that are used, and refuses all others.
 */
import { Writable } from "node:stream";
import { describe, expect, it } from "vitest";
import { Output } from "../../src/cli/output.ts";
import { ReplayScreen } from "../../src/cli/replay-screen.ts";
import { RunScreen } from "../../src/cli/run-screen.ts";
import { graph, open, type Workflow } from "../../src/index.ts";
import { pause, systemClock } from "../../src/kernel/clock.ts";
import type { GraphBuilder } from "../../src/workflow/graph-builder.ts";
import { FLOWS, millrace } from "./command.ts";
import { squares } from "./fixtures/flows.ts";

const ESC = "\u001b";
const TOKEN = new RegExp(`${ESC}\\[\\??\\d*[a-zA-Z]|[\\s\\S]`, "gu");
const [COLUMNS, ROWS] = [60, 10];

/** A stream that is a terminal; `lines` is its screen with everything that scrolled out of it. */
class Terminal extends Writable {
  readonly isTTY = true;
  readonly columns = COLUMNS;
  readonly rows = ROWS;
  readonly lines: string[] = [""];
  #row = 0;
  #column = 0;
  #wraps = true;

  /** Of a terminal without colours. */
  getColorDepth(): number {
    return 1;
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    for (const token of chunk.toString("utf8").match(TOKEN) ?? []) this.#obey(token);
    done();
  }

  #obey(token: string): void {
    if (token === "\n") this.#lineFeed();
    else if (token === "\r") this.#column = 0;
    else if (token === `${ESC}[0J`) this.#clearBelow();
    else if (token === `${ESC}[?7l`) this.#wraps = false;
    else if (token === `${ESC}[?7h`) this.#wraps = true;
    else if (token.startsWith(ESC) && token.endsWith("A")) this.#up(Number(token.slice(2, -1)));
    else if (token.startsWith(ESC)) throw new Error(`unknown ${JSON.stringify(token)}`);
    else this.#put(token);
  }

  #lineFeed(): void {
    this.#row++;
    this.#column = 0;
    if (this.#row === this.lines.length) this.lines.push("");
  }

  #up(count: number): void {
    this.#row -= count;
    if (this.#row < Math.max(0, this.lines.length - ROWS)) throw new Error("drew above the screen");
  }

  #clearBelow(): void {
    this.lines.splice(this.#row + 1);
    this.lines[this.#row] = (this.lines[this.#row] ?? "").slice(0, this.#column);
  }

  #put(char: string): void {
    if (this.#column >= COLUMNS) {
      if (!this.#wraps) return;
      this.#lineFeed();
    }
    const line = (this.lines[this.#row] ?? "").padEnd(this.#column);
    this.lines[this.#row] = line.slice(0, this.#column) + char + line.slice(this.#column + 1);
    this.#column++;
  }
}

/** The screen after a run of `flow`, during which `say` is printed between events now and then. */
async function screenAfter(flow: Workflow, input: unknown, say: string[]): Promise<string[]> {
  const terminal = new Terminal();
  const stream = terminal as unknown as NodeJS.WriteStream;
  const output = new Output(stream, stream, { TERM: "xterm" });
  await using here = await open({ store: "memory", workflows: [flow] });
  const handle = await here.start(flow.name, input, { id: "seen" });
  const screen = new RunScreen(output, systemClock(), handle.id);
  for await (const event of handle.events()) {
    screen.take(event);
    if (event.seq % 2 === 0) for (const text of say.splice(0, 1)) screen.above(text);
    // Lets the screen draw now and then, as it would beside a run that takes its time.
    if (event.seq % 5 === 0) await pause(systemClock(), 110);
  }
  await screen.close();
  output.print("done");
  return terminal.lines;
}

describe("on a terminal", () => {
  it("each step stands once, as it ended, below what was printed meanwhile", async () => {
    const printed = ["one\n", "two", "three\nfour\n"];
    const lines = await screenAfter(squares, { n: 4 }, printed);
    expect(lines.slice(0, 4)).toEqual(["one", "two", "three", "four"]);
    expect(lines[4]).toMatch(/^run seen {2}squares {2}completed {2}\S+$/);
    expect(lines[5]).toMatch(/^STEP +STATUS +ATTEMPT +DURATION +NOTE$/);
    expect(lines[6]).toMatch(/^list +completed +1 +\S+$/);
    expect(lines[7]).toMatch(/^square +completed +\S+ +4\/4 items$/);
    expect(lines[8]).toMatch(/^sum +completed +1 +\S+$/);
    expect(lines.slice(9)).toEqual(["done", ""]);
  });

  it("a run with more steps than lines never draws above the screen", async () => {
    const names = Array.from({ length: 25 }, (_, index) => `s${index + 1}`);
    const wide = names.reduce<
      GraphBuilder<unknown, unknown, Record<string, unknown>, unknown, never>
    >((builder, name) => builder.step(name, () => "x".repeat(200)), graph("wide"));
    const lines = await screenAfter(wide.build(), null, ["l".repeat(90)]);
    expect(lines.slice(0, 2).map((line) => line.length)).toEqual([COLUMNS, 30]);
    expect(lines.filter((line) => /^s\d+ +completed/.test(line))).toHaveLength(25);
    expect(lines.at(-2)).toBe("done");
  });

  it("a replay stands as the run was at the event that is shown, which is below", async () => {
    const terminal = new Terminal();
    const stream = terminal as unknown as NodeJS.WriteStream;
    const output = new Output(stream, stream, { TERM: "xterm" });
    await using here = await open({ store: "memory", workflows: [squares] });
    await (await here.start(squares, { n: 4 }, { id: "seen" })).result();
    const screen = new ReplayScreen(output, systemClock());
    let list = 0;
    for await (const shown of here.replay("seen", { from: 2 })) {
      screen.take(shown);
      const { event } = shown;
      if (event.seq % 5 === 0) await pause(systemClock(), 110);
      if (event.type !== "step.completed" || event.step !== "list") continue;
      list = event.seq;
      break;
    }
    await screen.close();
    output.print("done");
    const { lines } = terminal;
    expect(lines[0]).toMatch(/^run seen {2}squares {2}running {2}\S+$/);
    expect(lines[2]).toMatch(/^list +completed +1 +\S+$/);
    expect(lines[4]).toMatch(/^sum +waiting$/);
    expect(lines[6]).toMatch(new RegExp(`^ +${list} +\\+\\S+ {2}step.completed +list `));
    // What is left there is text like any other: a long line goes on in the next.
    expect(lines.slice(-2)).toEqual(["done", ""]);
  });

  it("text that is no terminal's gets no sequences, whatever TERM says", async () => {
    const args = ["run", FLOWS, "--workflow", "squares", "--input", '{"n":1}', "--store", "memory"];
    const { stdout } = await millrace(args, { env: { TERM: "xterm-256color" } });
    expect(stdout).not.toContain("\u001b");
  });
});
