/**
 * The DAG style, which is Handoff's: functions that take the results of others as arguments, with what
 * each costs and where it runs. Becomes an ordinary graph workflow.
 *
 *   dag("sums")
 *     .add({ id: "a", code: () => 1 })
 *     .add({ id: "b", args: ["a"], code: (a: number) => a + 1, cost: { cpu: 2 } });
 */
import { checkId, systemIds } from "../kernel/ids.ts";
import { checkDag } from "./dag-checks.ts";
import { compileDag } from "./dag-compile.ts";
import { type DagFunction, type DagNode, readFunction } from "./dag-function.ts";
import type { GraphWorkflow } from "./definition.ts";
import { invalid, labelOption, readOptions } from "./options.ts";

/** Functions that hand each other their results. Immutable: adding gives another one. */
export interface Dag {
  /** Its name: that of its workflow. Absent: it is known to the process that made it, and to no other. */
  readonly id?: string;
  /** Its author's label for this version of the code; without an id, one that no other DAG has. */
  readonly version?: string;
  readonly functions: readonly DagFunction[];
  /**
   * The DAG with these functions too.
   * @throws MillraceError `E_ID_INVALID`, `E_DEF_INVALID`, `E_OPTION_INVALID`
   */
  add(...functions: readonly DagNode[]): Dag;
  /**
   * Checks it as a whole, and gives it back. Without functions it is right, and `execute` has nothing to do.
   * @throws MillraceError `E_DEF_DUPLICATE`, `E_DEF_UNKNOWN_STEP` (all that are missing),
   *   `E_DEF_CYCLE` (the whole circle), `E_DEF_INVALID` (an inline function that is given a place)
   */
  validate(): Dag;
  /**
   * Its workflow, for `open({ workflows: [etl.workflow] })` in every process that is to run its functions.
   * @throws MillraceError as `validate`; `E_DEF_INVALID` without an id, `E_DEF_EMPTY`
   */
  readonly workflow: GraphWorkflow<unknown, unknown>;
}

/** What a DAG is besides its functions. */
export interface DagOptions {
  /** A label for this version of the code, for processes that have older or newer ones. */
  readonly version?: string;
}

/**
 * Begins a DAG.
 * @param id 1 to 128 of `A-Z a-z 0-9 _ -`, the first a letter or digit: what other processes know it by.
 *   Its functions must then be the same wherever they run
 * @throws MillraceError `E_ID_INVALID`, `E_DEF_INVALID`
 */
export function dag(id?: string, options?: DagOptions): Dag {
  const name = id === undefined ? undefined : checkId("dag id", id);
  const what = name === undefined ? "dag without id" : `dag ${name}`;
  const label = labelOption(what, readOptions(what, options, ["version"]), "version");
  // Two that look alike may hold different code, and nothing else tells them apart.
  const version = name === undefined ? systemIds() : label;
  return dagOf(what, {
    ...(name === undefined ? {} : { id: name }),
    ...(version === undefined ? {} : { version }),
    functions: [],
  });
}

function dagOf(what: string, content: Pick<Dag, "id" | "version" | "functions">): Dag {
  const { id: name, functions } = content;
  let workflow: GraphWorkflow<unknown, unknown> | undefined;
  const self: Dag = {
    ...content,
    functions: Object.freeze(functions),
    add: (...more) =>
      dagOf(what, { ...content, functions: [...functions, ...more.map(readFunction)] }),
    validate() {
      checkDag(what, functions);
      return self;
    },
    get workflow() {
      if (name === undefined) throw invalid(`${what}: other processes need an id to know it by`);
      workflow ??= compileDag(self, name);
      return workflow;
    },
  };
  return Object.freeze(self);
}
