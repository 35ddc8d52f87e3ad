/**
 * Results of functions and arguments, by run and id: Handoff's ResultStore. A result is durable, in the
 * log of its run, or lives on the node that made it and is fetched from there when it is wanted. What a
 * step of the engine returned is a result too, under the step's id. null, false, 0 and "" are values
 * like others; `undefined` is kept as null.
 */
import type { KeptOnNode } from "../../machines/values.ts";
import { emptyRun } from "../domain/state.ts";
import type { Engine } from "../engine/engine.ts";
import { loadRun } from "../engine/reading/history.ts";
import type { Journal } from "../engine/reading/journal.ts";
import { type MakeAgain, valuesOf } from "../engine/values/kept-values.ts";
import { isLost } from "../engine/values/local-copies.ts";
import { outputRef } from "../engine/values/output-ref.ts";
import { fromValue, handOut, toValue, type ValueSource } from "../engine/values/values.ts";
import type { MillraceEvent } from "../events/vocabulary.ts";
import { checkId } from "../kernel/ids.ts";
import type { KeptValue } from "../ports/node-values.ts";
import { RESULT_ATTEMPT, RESULT_NAME } from "../projections/results.ts";
import { beginByHand } from "./by-hand.ts";
import { checkResultId, type DataLocationRegistry } from "./data-locations.ts";
import { type FetchOptions, NodeResults } from "./node-results.ts";
import {
  findResult,
  jsonOf,
  type KnownResult,
  type RecordedResult,
  recordedResult,
} from "./result-places.ts";
import { isNotYet, notFound } from "./result-refusals.ts";
import { awaitResult } from "./result-wait.ts";

/** Where a result is kept. */
export interface StoringOptions {
  /**
   * `durable`: in the log, or as a blob; there for every process. `node`: only on this node, as long as it
   * lives; others fetch it from here. @default "durable"
   */
  readonly durability?: "durable" | "node";
}

type Pieces = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

const TIMEOUT_MS = 5_000;
/** Results fetched at once by `synchronize`. */
const SIDE_BY_SIDE = 16;

export class ResultStore {
  readonly #engine: Engine;
  readonly #journal: Journal;
  readonly #nodes: NodeResults;
  readonly #locations: DataLocationRegistry;
  readonly #makeAgain: MakeAgain | undefined;

  /** @param makeAgain runs steps again whose results no node has any more; absent: this process cannot */
  constructor(
    engine: Engine,
    journal: Journal,
    locations: DataLocationRegistry,
    makeAgain?: MakeAgain,
  ) {
    this.#engine = engine;
    this.#journal = journal;
    this.#locations = locations;
    this.#makeAgain = makeAgain;
    this.#nodes = new NodeResults(engine, locations);
  }

  /**
   * Stores a result in place of the one that was there. A run that is not known begins.
   * @throws MillraceError `E_ID_INVALID`, `E_NOT_JSON`, `E_TOO_LARGE`
   */
  async store(
    dag: string,
    id: string,
    value: unknown,
    { durability = "durable" }: StoringOptions = {},
  ): Promise<void> {
    check(dag, id);
    if (durability === "node") {
      await this.#nodes.keepJson(dag, id, value);
      return;
    }
    const content = await toValue(this.#engine.store.blobs, `result ${id}`, value);
    const ref = outputRef(this.#engine.world.ids());
    await this.#journal.amend(dag, (draft) => {
      beginByHand(draft, this.#engine.node);
      const output: MillraceEvent = {
        type: "output.emitted",
        at: draft.now,
        ref,
        task: dag,
        attempt: RESULT_ATTEMPT,
        producer: id,
        content: { type: "artifact", name: RESULT_NAME, content },
        parents: [],
      };
      draft.add([output]);
    });
  }

  /**
   * Stores bytes of any length on this node, never holding more than a piece of them. Bytes that are the
   * text of JSON can be read as a value, all can be read as a stream.
   * @throws MillraceError `E_ID_INVALID`; whatever the iteration throws
   */
  async storeStream(dag: string, id: string, pieces: Pieces): Promise<KeptValue> {
    check(dag, id);
    return this.#nodes.keep(dag, id, pieces);
  }

  /**
   * A durable result, or one that this node has; a copy.
   * @throws MillraceError `E_RESULT_NOT_FOUND`, also for a value that only another node has
   */
  async get(dag: string, id: string): Promise<unknown> {
    const known = await this.#find(dag, id);
    if (known.kind !== "node") return this.#recorded(dag, id, known);
    const here = await this.#nodes.read(known.at.digest);
    if (here === undefined) throw notFound(dag, id, `it is on node ${known.at.node}`);
    return jsonOf(id, here);
  }

  /** Whether `get` would give a value. */
  async has(dag: string, id: string): Promise<boolean> {
    const known = await findResult(this.#journal, check(dag, id), id);
    if (known?.kind !== "node") return known !== undefined;
    return (await this.#nodes.read(known.at.digest)) !== undefined;
  }

  /** Forgets all results and locations of a run; other runs keep theirs. What its log tells stays. */
  async clear(dag: string): Promise<void> {
    await this.#journal.amend(checkId("run id", dag), (draft, { results, locations }) => {
      if (results.size === 0 && locations.size === 0) return;
      const nothing = { key: "", node: "", digest: "", bytes: 0 };
      draft.add([{ type: "data.located", at: draft.now, ...nothing }]);
    });
    await this.#nodes.clear(dag);
  }

  /**
   * The result wherever it is: from the log, from this node, or from the node that has it; then it is
   * kept here too, its digest checked. Where it is registered does not change. What a step returned that
   * no node has any more is made again by this process, if it has the step's code, and is registered here.
   * @throws MillraceError `E_RESULT_NOT_FOUND`; without `recompute` `E_NODE_GONE` or `E_VALUE_LOST`
   */
  async getWithFetch(dag: string, id: string, options: FetchOptions = {}): Promise<unknown> {
    const known = await this.#find(dag, id);
    if (known.kind !== "node") return this.#recorded(dag, id, known);
    if (isStepsOwn(known, options)) return this.#ofStep(dag, known.of);
    const open = (): Promise<AsyncIterable<Uint8Array>> =>
      this.#nodes.openOrAgain(dag, id, known.at, options);
    const pieces = await open();
    try {
      return await jsonOf(id, pieces);
    } catch (error) {
      // This node let go of the bytes while they were read: they are fetched, or made, again.
      if (!isLost(error)) throw error;
      return jsonOf(id, await open());
    }
  }

  /**
   * Fetches the value from `from`, or the node that is registered, though it may be here already.
   * @throws MillraceError `E_RESULT_NOT_FOUND` when no other node is known to have it, `E_NODE_GONE`,
   * `E_VALUE_LOST`
   */
  async fetchRemote(dag: string, id: string, from?: string): Promise<unknown> {
    const known = await this.#find(dag, id);
    if (known.kind !== "node") throw notFound(dag, id, "it is not on any node, but in the log");
    if ((from ?? known.at.node) === this.#engine.node) {
      throw notFound(dag, id, "no other node is known to have it");
    }
    return jsonOf(id, await this.#nodes.fetch(dag, id, known.at, from));
  }

  /**
   * Waits for the result, by listening to the run, and gives it as `getWithFetch` does.
   * @param timeoutMs how long to wait; whatever it is, one attempt is made
   * @throws MillraceError `E_TIMEOUT`, whose cause is why there was nothing
   */
  async getResult(
    dag: string,
    id: string,
    timeoutMs = TIMEOUT_MS,
    options: FetchOptions = {},
  ): Promise<unknown> {
    check(dag, id);
    const get = (): Promise<unknown> => this.getWithFetch(dag, id, options);
    return awaitResult(this.#engine, dag, id, timeoutMs, get);
  }

  /** The results of those ids that can be had now. */
  async synchronize(dag: string, ids: readonly string[]): Promise<ReadonlyMap<string, unknown>> {
    const found = new Map<string, unknown>();
    for (let at = 0; at < ids.length; at += SIDE_BY_SIDE) {
      const some = ids.slice(at, at + SIDE_BY_SIDE);
      const gets = await Promise.allSettled(some.map((id) => this.getWithFetch(dag, id)));
      for (const [index, get] of gets.entries()) {
        if (get.status === "fulfilled") found.set(some[index] as string, get.value);
        else if (!isNotYet(get.reason)) throw get.reason;
      }
    }
    return found;
  }

  /**
   * The bytes of a result, wherever it is, in pieces; of a durable one the text of its JSON. A value on
   * another node is copied to this one first, to its disk.
   * @throws MillraceError as `getWithFetch`
   */
  async readStream(
    dag: string,
    id: string,
    options: FetchOptions = {},
  ): Promise<AsyncIterable<Uint8Array>> {
    const known = await this.#find(dag, id);
    const own = isStepsOwn(known, options);
    if (known.kind === "node" && !own) return this.#nodes.openOrAgain(dag, id, known.at, options);
    const text = JSON.stringify(await this.getWithFetch(dag, id));
    return (async function* () {
      yield Buffer.from(text);
    })();
  }

  async #find(dag: string, id: string): Promise<KnownResult> {
    const known = await findResult(this.#journal, check(dag, id), id);
    if (known === undefined) throw notFound(dag, id, "nothing is stored under it");
    return known;
  }

  async #recorded(dag: string, id: string, known: RecordedResult): Promise<unknown> {
    const found = await recordedResult(this.#engine, this.#source(dag), dag, id, known);
    if (found === undefined) throw notFound(dag, id, "its run was erased");
    return found.json;
  }

  async #ofStep(dag: string, value: KeptOnNode): Promise<unknown> {
    return handOut(await fromValue(this.#source(dag), value, emptyRun(dag)));
  }

  /** Only what nobody has needs the run's state. */
  #source(dag: string): ValueSource {
    const makeAgain = this.#makeAgain;
    if (makeAgain === undefined) return valuesOf(this.#engine);
    return valuesOf(this.#engine, async (value) => {
      const json = await makeAgain(value, await loadRun(this.#engine, dag));
      const { step, kept: digest, bytes } = value;
      await this.#locations.registerLocation(dag, step, this.#engine.node, { digest, bytes });
      return json;
    });
  }
}

/** What a step returned, and the caller says nothing of where it is or how it is made. */
const isStepsOwn = (
  known: KnownResult,
  { from, recompute }: FetchOptions,
): known is Extract<KnownResult, { kind: "node" }> & { readonly of: KeptOnNode } =>
  known.kind === "node" && known.of !== undefined && from === undefined && recompute === undefined;

function check(dag: string, id: string): string {
  checkResultId(id);
  return checkId("run id", dag);
}
