/**
 * What `millrace run` writes: for people a screen, then the result; with `--json` one line per event,
 * then one line `{"type": "result", …}`. What the user's code prints goes between, never into it.
 */
import type { RecordedEvent } from "../events/vocabulary.ts";
import type { MillraceError } from "../kernel/errors.ts";
import type { Cli } from "./cli.ts";
import { jsonText } from "./render.ts";
import { RunScreen } from "./run-screen.ts";
import { withoutSecrets } from "./secrets.ts";

/** The report on one run: `begin`, its events, `end`, and its outcome. */
export class RunReport {
  readonly #cli: Cli;
  readonly #json: boolean;
  #run = "";
  #screen: RunScreen | undefined;

  constructor(cli: Cli, json: boolean) {
    this.#cli = cli;
    this.#json = json;
  }

  /** The run exists; its events follow. */
  begin(run: string): void {
    this.#run = run;
    if (!this.#json) this.#screen = new RunScreen(this.#cli.output, this.#cli.clock, run);
  }

  event(event: RecordedEvent): void {
    if (this.#json) this.#cli.output.json(event);
    else this.#screen?.take(event);
  }

  /** No more events follow. */
  async end(): Promise<void> {
    const screen = this.#screen;
    this.#screen = undefined;
    await screen?.close();
  }

  /** What the run came to; after `end`. @param lines how people read it, if not as JSON */
  completed(output: unknown, lines = [jsonText(output, 2)]): void {
    if (this.#json) this.#result("completed", { output });
    else for (const line of lines) this.#cli.output.print(line);
  }

  /** That the run ended without a result; after `end`. People get it from the error itself. */
  failed(status: "failed" | "cancelled" | "terminated", { code, message }: MillraceError): void {
    if (this.#json) this.#result(status, { error: { code, message: withoutSecrets(message) } });
  }

  /** Writes what the user's code printed. */
  say(text: string): void {
    if (this.#screen !== undefined) this.#screen.above(text);
    else if (this.#json) this.note(text.replace(/\n$/, ""));
    else this.#cli.output.write(text);
  }

  /** Writes a line that is about the command itself. */
  note(line: string): void {
    if (this.#screen !== undefined && this.#cli.output.shares) this.#screen.above(line);
    else this.#cli.output.note(line);
  }

  #result(status: string, outcome: Readonly<Record<string, unknown>>): void {
    this.#cli.output.json({ type: "result", run: this.#run, status, ...outcome });
  }
}
