/**
 * A stream of items through a DAG. Each item is a run of its own, so it is recorded, recovered, retried and
 * explained like any other; what comes out is in the order in which it was pushed.
 */
import { type Deferred, deferred, Feed } from "../../kernel/async.ts";
import { isMillraceError, MillraceError } from "../../kernel/errors.ts";
import type { Dag } from "../../workflow/dag.ts";
import type { GraphWorkflow } from "../../workflow/definition.ts";
import { isPlainObject } from "../options.ts";
import { type CancelOptions, request } from "../telling/tell-run.ts";
import { type Begun, begin, type Executor, endOf } from "./execute.ts";
import type { Executed } from "./executed.ts";

/** What became of one item; `item` counts them from 1, in the order of their `push`. */
export type PipelineItem =
  | (Executed & { readonly item: number; readonly error?: undefined })
  /** Its run failed, or was cancelled; the others go on. */
  | { readonly item: number; readonly dagId: string; readonly error: MillraceError };

/** What a pipeline works with. */
export interface PipelineParts {
  readonly executor: Executor;
  readonly dag: Dag;
  readonly workflow: GraphWorkflow;
  /** Runs of items are named after it: `id-1`, `id-2` … */
  readonly id: string;
  readonly maxInFlight: number;
  /** Called when nothing of it is under way any more. */
  onDone(): void;
}

/** What `Millrace.stream` gives. Iterate over it for what comes out, once. */
export class Pipeline implements AsyncIterable<PipelineItem> {
  readonly id: string;
  readonly #parts: PipelineParts;
  readonly #inputs: readonly string[];
  /** In the order in which they were pushed; undefined: it was refused. */
  readonly #items = new Feed<Promise<PipelineItem | undefined>>();
  /** Runs under way, by their ids. */
  readonly #inFlight = new Set<string>();
  /** Those that wait until fewer are under way, in their order. */
  readonly #line: Deferred<void>[] = [];
  #pushed = 0;
  #open = 0;
  #ended = false;

  constructor(parts: PipelineParts) {
    this.#parts = parts;
    this.id = parts.id;
    this.#inputs = parts.dag.functions.filter(({ input }) => input).map(({ id }) => id);
  }

  /**
   * Sends an item through. Resolves with its number once it is recorded; waits for that while
   * `maxInFlight` others are under way.
   * @param inputs a value for each input of the DAG, by id
   * @throws MillraceError `E_OPTION_INVALID` (a value is missing or too much), `E_NOT_JSON`, `E_TOO_LARGE`,
   * `E_COMMAND_REFUSED` after `end` or `stop`, `E_RUN_CONFLICT` (its run exists with other content)
   */
  async push(inputs: Readonly<Record<string, unknown>> = {}): Promise<number> {
    if (this.#ended) throw refused(this.id);
    checkInputs(this.#inputs, inputs);
    const item = ++this.#pushed;
    const dagId = `${this.id}-${item}`;
    this.#open++;
    const begun = this.#begin(dagId, { ...inputs });
    const ended = begun.then((one) => this.#endOf(item, one));
    // Whoever pushed hears why it could not begin; to who reads it never was.
    this.#items.push(ended.catch((error: unknown) => this.#neverBegan(begun, error)));
    await begun;
    return item;
  }

  /** No more items come: the iteration ends after the last one. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#items.end();
    if (this.#open === 0) this.#parts.onDone();
  }

  /** Ends it, and cancels what is under way. */
  async stop(options: CancelOptions = {}): Promise<void> {
    this.end();
    const { engine } = this.#parts.executor;
    const all = [...this.#inFlight].map((run) => request(engine, "cancel", run, options));
    for (const one of await Promise.allSettled(all)) {
      // Whatever has ended meanwhile need not be stopped.
      const failed = one.status === "rejected" && !isMillraceError(one.reason, "E_COMMAND_REFUSED");
      if (failed) throw one.reason;
    }
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<PipelineItem, void> {
    for await (const promise of this.#items) {
      const item = await promise;
      if (item !== undefined) yield item;
    }
  }

  async #begin(id: string, input: Readonly<Record<string, unknown>>): Promise<Begun> {
    const { executor, dag, workflow, maxInFlight } = this.#parts;
    try {
      if (this.#inFlight.size >= maxInFlight) {
        const turn = deferred<void>();
        this.#line.push(turn);
        await turn.promise;
      }
      this.#inFlight.add(id);
      return await begin(executor, dag, { workflow, id, input });
    } catch (error) {
      this.#leave(id);
      throw error;
    }
  }

  async #endOf(item: number, begun: Begun): Promise<PipelineItem> {
    const { executor, dag } = this.#parts;
    try {
      return { item, ...(await endOf(executor, dag, begun)) };
    } catch (error) {
      // That is no matter of the item.
      if (!(error instanceof MillraceError) || error.code === "E_STORE_CLOSED") throw error;
      return { item, dagId: begun.id, error };
    } finally {
      this.#leave(begun.id);
    }
  }

  async #neverBegan(begun: Promise<Begun>, error: unknown): Promise<undefined> {
    const [{ status }] = await Promise.allSettled([begun]);
    if (status === "fulfilled") throw error;
  }

  #leave(id: string): void {
    this.#inFlight.delete(id);
    this.#open--;
    this.#line.shift()?.resolve();
    if (this.#ended && this.#open === 0) this.#parts.onDone();
  }
}

/** @throws MillraceError `E_OPTION_INVALID` */
function checkInputs(known: readonly string[], inputs: unknown): void {
  const given = isPlainObject(inputs) ? Object.keys(inputs) : undefined;
  const missing = known.filter((id) => !given?.includes(id));
  const unknown = given?.filter((id) => !known.includes(id)) ?? [];
  if (given !== undefined && missing.length === 0 && unknown.length === 0) return;
  const says = [
    ...(missing.length > 0 ? [`no value for ${missing.join(", ")}`] : []),
    ...(unknown.length > 0 ? [`${unknown.join(", ")} is no input of the DAG`] : []),
  ];
  const why = given === undefined ? "they are not an object of values by id" : says.join("; ");
  throw new MillraceError("E_OPTION_INVALID", `push(): inputs: ${why}`, {
    details: { option: "inputs", missing, unknown },
  });
}

const refused = (id: string): MillraceError =>
  new MillraceError("E_COMMAND_REFUSED", `stream ${id} has been ended; open another one`, {
    details: { stream: id },
  });
