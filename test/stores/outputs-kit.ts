/** What the tests of output and result stores work with: the stores of one process, per adapter. */
import type { Engine } from "../../src/engine/engine.ts";
import { Journal } from "../../src/engine/reading/journal.ts";
import { Projector } from "../../src/engine/reading/projector.ts";
import { outputIndex } from "../../src/projections/output-index.ts";
import { DataLocationRegistry } from "../../src/stores/data-locations.ts";
import { OutputStore } from "../../src/stores/output-store.ts";
import { ResultStore } from "../../src/stores/result-store.ts";
import { places } from "./places.ts";

/** The stores of one process. */
export interface StoreNode {
  readonly engine: Engine;
  readonly journal: Journal;
  readonly outputs: OutputStore;
  readonly results: ResultStore;
  readonly locations: DataLocationRegistry;
}

export function storeNode(engine: Engine): StoreNode {
  const journal = new Journal(engine);
  const locations = new DataLocationRegistry(engine, journal);
  return {
    engine,
    journal,
    outputs: new OutputStore(engine, journal, new Projector(engine, outputIndex)),
    results: new ResultStore(engine, journal, locations),
    locations,
  };
}

/** An empty scratch place of one adapter. */
export interface ScratchPlace {
  /** Opens it as a process called `node`. */
  open(node?: string): Promise<StoreNode>;
  /** Closes what is open and removes every trace. */
  destroy(): Promise<void>;
}

/** Each adapter's name, and how its places are made; `url` gives the server's address. */
export const adapters = (
  url: () => string,
): readonly (readonly [string, () => Promise<ScratchPlace>])[] =>
  places(url).map(([name, make]) => [
    name,
    async () => {
      const place = await make();
      return {
        open: async (node = "node-1") => storeNode(await place.open(node)),
        destroy: () => place.destroy(),
      };
    },
  ]);
