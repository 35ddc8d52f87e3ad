/**
 * The registry of data locations: which node has a value, for whoever wants to fetch it. Registered in
 * the log of the run, so it is the same for every process and outlives them all.
 */
import type { Engine } from "../engine/engine.ts";
import type { Journal } from "../engine/reading/journal.ts";
import { MillraceError } from "../kernel/errors.ts";
import { checkId } from "../kernel/ids.ts";
import type { KeptValue } from "../ports/node-values.ts";
import { beginByHand } from "./by-hand.ts";

/** Reads and writes the locations of any run, from any process. */
export class DataLocationRegistry {
  readonly #engine: Engine;
  readonly #journal: Journal;

  constructor(engine: Engine, journal: Journal) {
    this.#engine = engine;
    this.#journal = journal;
  }

  /**
   * Says that `node` has the value, in place of what was said before. A run that is not known begins.
   * @param kept what the node has; by default the same as the node that was registered before
   * @throws MillraceError `E_ID_INVALID`
   */
  async registerLocation(dag: string, id: string, node: string, kept?: KeptValue): Promise<void> {
    checkId("run id", dag);
    checkResultId(id);
    checkId("node id", node);
    await this.#journal.amend(dag, (draft, { results }) => {
      beginByHand(draft, this.#engine.node);
      const place = results.get(id);
      const known = place?.kind === "node" ? place.at : { digest: "", bytes: 0 };
      const { digest, bytes } = kept ?? known;
      draft.add([{ type: "data.located", at: draft.now, key: id, node, digest, bytes }]);
    });
  }

  /** The node that was registered last; undefined when none was. */
  lookupLocation(dag: string, id: string): Promise<string | undefined> {
    checkId("run id", dag);
    return this.#journal.read(dag, (_, { locations }) => locations.get(id)?.node);
  }

  /** The node of every id that has one. */
  getAll(dag: string): Promise<ReadonlyMap<string, string>> {
    checkId("run id", dag);
    return this.#journal.read(
      dag,
      (_, { locations }) => new Map(Array.from(locations, ([id, { node }]) => [id, node])),
    );
  }
}

const ID_CHARS_MAX = 256;

/**
 * Results and arguments may be called anything: their ids never leave the events.
 * @throws MillraceError `E_ID_INVALID` for no text, or too much of it
 */
export function checkResultId(id: string): void {
  if (typeof id === "string" && id !== "" && id.length <= ID_CHARS_MAX) return;
  throw new MillraceError(
    "E_ID_INVALID",
    `the id of a result must be text of 1 to ${ID_CHARS_MAX} characters`,
    { details: { what: "result id" } },
  );
}
