/** Handoff's `stream`: items go through a DAG one after the other and side by side. */
import { checkId } from "../../kernel/ids.ts";
import type { Dag } from "../../workflow/dag.ts";
import { compileDag } from "../../workflow/dag-compile.ts";
import { wholeOption } from "../options.ts";
import {
  checkedDag,
  checkKnown,
  type Executor,
  lend,
  privateName,
  workflowOfCall,
} from "./execute.ts";
import { checkExecution, type ExecuteOptions } from "./execute-options.ts";
import { Pipeline } from "./pipeline.ts";

/** How the items of a stream are run: as executions are, each for itself. */
export interface StreamOptions extends Omit<ExecuteOptions, "id"> {
  /**
   * The runs of its items are `id-1`, `id-2` …: pushing the same items again, also from another process
   * after the first one died, gives what they came to, and goes on with what is under way. @default a new one
   */
  readonly id?: string;
  /** So many items may be under way; `push` waits beyond. @default 64 */
  readonly maxInFlight?: number;
}

const IN_FLIGHT = 64;

/** See `Millrace.stream`. */
export async function stream(
  executor: Executor,
  dag: Dag,
  options: StreamOptions,
): Promise<Pipeline> {
  const { engine, catalog } = executor;
  const { maxInFlight = IN_FLIGHT, ...rest } = options;
  wholeOption("maxInFlight", maxInFlight, 1);
  const given = checkExecution(rest);
  const id = given.id === undefined ? engine.world.ids() : checkId("stream id", given.id);
  const { id: name = privateName(engine.node) } = checkedDag(dag);
  const workflow = workflowOfCall(compileDag(dag, name, engine.world.clock), dag, given);
  if (catalog === undefined) await checkKnown(executor, name);
  const onDone = catalog === undefined ? () => undefined : lend(catalog, id, workflow);
  return new Pipeline({ executor, dag, workflow, id, maxInFlight, onDone });
}
