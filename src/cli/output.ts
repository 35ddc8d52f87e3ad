/**
 * Where a command writes. Results go to stdout, everything about them to stderr. A reader that went
 * away (`millrace events … | head`) is no error: what is still written is dropped, and `gone` aborts.
 */
import type { Writable } from "node:stream";
import { styleText } from "node:util";
import { type Cell, jsonText, type Paint, table } from "./render.ts";

/** Any stream; a terminal says that it is one, and how large. */
type Stream = Writable & Partial<Pick<NodeJS.WriteStream, "isTTY" | "columns" | "rows">>;

/** The two streams of a command. */
export class Output {
  /** True when stdout is a terminal whose lines can be drawn again. */
  readonly redraws: boolean;
  /** True when stderr is drawn over by what is redrawn: both are terminals. */
  readonly shares: boolean;
  readonly #stdout: Stream;
  readonly #stderr: Stream;
  readonly #gone = new AbortController();

  constructor(stdout: Stream, stderr: Stream, env: NodeJS.ProcessEnv) {
    this.#stdout = stdout;
    this.#stderr = stderr;
    this.redraws = stdout.isTTY === true && env["TERM"] !== "dumb";
    this.shares = this.redraws && stderr.isTTY === true;
    stdout.on("error", (error: NodeJS.ErrnoException) => this.#lost(error));
    stderr.on("error", (error: NodeJS.ErrnoException) => this.#lost(error));
  }

  /** Aborts when nobody reads stdout any more. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  /** Width and height of the terminal; 80 × 24 when it does not say. */
  get size(): { readonly columns: number; readonly rows: number } {
    const { columns, rows } = this.#stdout;
    return { columns: columns || 80, rows: rows || 24 };
  }

  /** Styles text for stdout, unless it is no terminal or NO_COLOR is set. */
  readonly paint: Paint = (style, text) => styleText(style, text, { stream: this.#stdout });

  /** Writes to stdout as it is. */
  write(text: string): void {
    if (!this.#gone.signal.aborted) this.#stdout.write(text);
  }

  print(line: string): void {
    this.write(`${line}\n`);
  }

  /** Rows as columns, the first for what they are. */
  table(rows: readonly (readonly Cell[])[]): void {
    for (const line of table(rows, this.paint)) this.print(line);
  }

  /** A list: as JSON, as a table, or `none` when it is empty. */
  list<T>(
    all: readonly T[],
    json: boolean,
    {
      none,
      rows,
    }: { readonly none: string; rows(all: readonly T[]): readonly (readonly Cell[])[] },
  ): void {
    if (json) this.json(all);
    else if (all.length === 0) this.note(none);
    else this.table(rows(all));
  }

  /** One JSON document, or one line of several. */
  json(value: unknown): void {
    this.print(jsonText(value));
  }

  /** One line on stderr. */
  note(line: string): void {
    this.#stderr.write(`${line}\n`);
  }

  /** Resolves once what was written has left this process, or nobody wants it. */
  async flush(): Promise<void> {
    for (const stream of [this.#stdout, this.#stderr]) {
      await new Promise<void>((resolve) => stream.write("", () => resolve()));
    }
  }

  #lost(error: NodeJS.ErrnoException): void {
    if (error.code !== "EPIPE") throw error;
    this.#gone.abort();
  }
}
