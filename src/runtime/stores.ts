/** The four stores over one engine: they share a journal, so that a run is kept in memory once. */
import type { Engine } from "../engine/engine.ts";
import { Journal } from "../engine/reading/journal.ts";
import { Projector } from "../engine/reading/projector.ts";
import type { MakeAgain } from "../engine/values/kept-values.ts";
import { outputIndex } from "../projections/output-index.ts";
import type { RunSummaries } from "../projections/run-summary.ts";
import { CheckpointStore, eraserOf } from "../stores/checkpoint-store.ts";
import { DataLocationRegistry } from "../stores/data-locations.ts";
import type { SavedProjection } from "../stores/delete-run.ts";
import type { Eraser } from "../stores/eraser.ts";
import { OutputStore } from "../stores/output-store.ts";
import { ResultStore } from "../stores/result-store.ts";
import { StepRunStore } from "../stores/step-run-store.ts";

/** Stores on the event log, usable from any process, with no worker running. */
export interface Stores {
  /** Step runs, claimed by one of many, with their statuses and outputs. */
  readonly stepRuns: StepRunStore;
  /** Checkpoints of runs and their nodes, and workflow events. */
  readonly checkpoints: CheckpointStore;
  /** Outputs by id, by producer, by attempt; lineage. */
  readonly outputs: OutputStore;
  /** Results of a DAG's functions, durable or on the node that made them. */
  readonly results: ResultStore;
  /** Which node holds which value. */
  readonly locations: DataLocationRegistry;
}

/** The stores of one open millrace, and what erases runs there. */
export function storesOf(
  engine: Engine,
  summaries: Projector<RunSummaries>,
  runIndex: SavedProjection,
  makeAgain: MakeAgain,
): { readonly stores: Stores; readonly eraser: Eraser } {
  const journal = new Journal(engine);
  const index = new Projector(engine, outputIndex);
  const locations = new DataLocationRegistry(engine, journal);
  const eraser = eraserOf(engine, journal, { summaries, views: [index, runIndex] });
  const stores = {
    stepRuns: new StepRunStore(engine, journal),
    checkpoints: new CheckpointStore(engine, journal, { eraser }),
    outputs: new OutputStore(engine, journal, index),
    results: new ResultStore(engine, journal, locations, makeAgain),
    locations,
  };
  return { stores, eraser };
}
