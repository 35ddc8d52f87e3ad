/**
 * A replay as people watch it: on a terminal the run as it was at the event that is shown, drawn in place,
 * with the event below; elsewhere one line for each event.
 */
import type { ReplayedEvent } from "../client/following/playback.ts";
import type { Clock } from "../kernel/clock.ts";
import { eventLine } from "./event-line.ts";
import { LiveRegion } from "./live-region.ts";
import type { Output } from "./output.ts";
import { screenLines } from "./screen-lines.ts";

/** The event's own line, and an empty one above it. */
const EVENT_LINES = 2;

/** Fed with what `replay` gives. */
export class ReplayScreen {
  readonly #output: Output;
  readonly #region: LiveRegion;
  #shown: ReplayedEvent | undefined;
  #began: number | undefined;

  /** @param clock for the drawing; the run's own time is that of its events */
  constructor(output: Output, clock: Clock) {
    this.#output = output;
    this.#region = new LiveRegion(output, clock, (rows) => this.#drawn(rows));
  }

  take(shown: ReplayedEvent): void {
    this.#shown = shown;
    this.#began ??= shown.after.createdAt;
    if (!this.#output.redraws) this.#region.above(eventLine(shown.event, this.#began));
  }

  /** Ends the drawing, and leaves on a terminal what was shown last. */
  async close(): Promise<void> {
    await this.#region.close();
    if (!this.#output.redraws) return;
    for (const line of this.#drawn(Number.POSITIVE_INFINITY)) this.#output.print(line);
  }

  #drawn(max: number): string[] {
    if (this.#shown === undefined) return [];
    const { event, after } = this.#shown;
    const run = screenLines(after, event.at, max - EVENT_LINES, this.#output);
    return [...run, "", eventLine(event, this.#began)];
  }
}
