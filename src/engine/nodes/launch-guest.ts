/** From a host's go to the user's function: its code and its input, found without hosting the run. */
import { emptyRun } from "../../domain/state.ts";
import type { NoteEvent } from "../../events/vocabulary.ts";
import { awaitedLater } from "../../kernel/async.ts";
import type { Json } from "../../kernel/json.ts";
import type { RunningAttempt } from "../attempts/attempt.ts";
import { launch } from "../attempts/launch.ts";
import type { Noted } from "../attempts/noted.ts";
import { bodyOf } from "../attempts/step-code.ts";
import type { Engine } from "../engine.ts";
import type { Catalog } from "../hosting/catalog.ts";
import { loadRun } from "../reading/history.ts";
import { Results } from "../turn/step-input.ts";
import { valuesOf } from "../values/kept-values.ts";
import { lineageOf } from "../values/lineage.ts";
import { fromValue } from "../values/values.ts";
import type { Go } from "./node-mail.ts";
import { type Large, unpacked } from "./task-input.ts";

/** Begins the attempt. @param record has something recorded by the run's host */
export function launchGuest(
  engine: Engine,
  catalog: Catalog,
  go: Go,
  record: (noted: Noted) => Promise<NoteEvent>,
): RunningAttempt {
  const { run, workflow, step, attempt, policy, tick } = go;
  const none = emptyRun(run);
  // Only what is lost needs the run's state.
  const source = valuesOf(engine, async (value) =>
    lineageOf(engine, catalog)(value, await loadRun(engine, run, workflow)),
  );
  const read = (value: Large): Promise<Json> => fromValue(source, value, none);
  const runInput = fromValue(source, go.runInput, none);
  const input = unpacked(go.input, () => runInput, read);
  const body = awaitedLater(bodyOf({ engine, catalog, results: new Results(source) }, go));
  const ticked = tick === undefined ? {} : { tick };
  const of = {
    run: { id: run, workflow, ...ticked },
    step,
    attempt,
    body,
    policy,
    input,
    runInput,
  };
  // Its host has recorded long since that it was stopped.
  return launch({ engine, ...of, record, late: () => undefined });
}
