/**
 * The last lines of a terminal, drawn again and again in place, while other text goes above them.
 * Where stdout is no terminal nothing is drawn, and the other text is all there is.
 */
import { type Clock, pause } from "../kernel/clock.ts";
import type { Output } from "./output.ts";

/** Between two drawings: often enough to look alive, and at most a tenth of the time spent on it. */
const REDRAW_MS = 100;
const COST_SHARE = 10;

/** Lines longer than the terminal is wide are cut by the terminal itself (DECAWM off, and on again). */
const NO_WRAP = "\x1b[?7l";
const WRAP = "\x1b[?7h";

/** Draws from its making to `close`, which must be called. */
export class LiveRegion {
  readonly #output: Output;
  readonly #clock: Clock;
  readonly #lines: (rows: number) => readonly string[];
  readonly #stop = new AbortController();
  readonly #loop: Promise<void>;
  #drawn = 0;

  /** @param lines what to draw; never more than `rows`, which is what fits */
  constructor(output: Output, clock: Clock, lines: (rows: number) => readonly string[]) {
    this.#output = output;
    this.#clock = clock;
    this.#lines = lines;
    this.#loop = output.redraws ? this.#redrawing() : Promise.resolve();
  }

  /** Writes whole lines that stay. */
  above(text: string): void {
    const whole = text.endsWith("\n") ? text : `${text}\n`;
    this.#output.write(this.#output.redraws ? this.#erased() + whole : whole);
    if (this.#output.redraws && !this.#stop.signal.aborted) this.#draw();
  }

  /** Removes the region; what comes next is written in its place. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#loop;
    if (this.#output.redraws) this.#output.write(this.#erased());
  }

  async #redrawing(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const began = this.#clock.mono();
      this.#draw();
      const cost = this.#clock.mono() - began;
      await pause(this.#clock, Math.max(REDRAW_MS, cost * COST_SHARE), this.#stop.signal);
    }
  }

  #draw(): void {
    const lines = this.#lines(this.#output.size.rows - 1);
    const body = lines.map((line) => `${line}\n`).join("");
    this.#output.write(this.#erased() + NO_WRAP + body + WRAP);
    this.#drawn = lines.length;
  }

  /** The sequence that removes what is drawn: cursor up to its first line, clear to the end. */
  #erased(): string {
    const up = this.#drawn > 0 ? `\x1b[${this.#drawn}A` : "";
    this.#drawn = 0;
    return `${up}\r\x1b[0J`;
  }
}
