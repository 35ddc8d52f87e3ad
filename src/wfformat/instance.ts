/**
 * Reading WfFormat 1.5, the WfCommons project's format of recorded executions of scientific workflows
 * (wfcommons.org/format): which tasks, what each needed, how long it took, what it read and wrote.
 */
import { MillraceError } from "../kernel/errors.ts";

/** A file that a task wrote. */
export interface WfFile {
  readonly name: string;
  readonly bytes: number;
}

/** One task of an instance. */
export interface WfTask {
  readonly id: string;
  readonly seconds: number;
  readonly cores: number;
  readonly memoryBytes: number;
  /** Tasks that come before it: its parents, and those that write what it reads. */
  readonly needs: readonly string[];
  /** What it reads of other tasks, by their ids. */
  readonly reads: ReadonlyMap<string, readonly WfFile[]>;
  readonly writes: readonly WfFile[];
}

/** A recorded execution. */
export interface WfInstance {
  readonly name: string;
  readonly tasks: readonly WfTask[];
  /** Of the machines that it was recorded on, together; 0: not said. */
  readonly cores: number;
  readonly memoryBytes: number;
}

type Fields = Readonly<Record<string, unknown>>;

/**
 * @param text the instance's JSON
 * @throws MillraceError `E_DEF_INVALID` for anything but WfFormat with `specification` and `execution`
 */
export function readInstance(text: string): WfInstance {
  const whole = object("the file", parsed(text));
  const workflow = object("workflow", whole["workflow"]);
  const { specification, execution } = workflow;
  if (specification === undefined || execution === undefined) {
    const version = String(whole["schemaVersion"] ?? "none");
    throw wrong(
      `workflow has no specification and execution (schemaVersion ${version}); convert it to WfFormat 1.5`,
    );
  }
  const specified = object("workflow.specification", specification);
  const executed = object("workflow.execution", execution);
  const sizes = new Map(
    list("specification.files", specified["files"] ?? []).map((raw) => {
      const file = object("a file", raw);
      return [textOf("a file's id", file["id"]), amount("sizeInBytes", file["sizeInBytes"])];
    }),
  );
  const runs = byId("execution.tasks", executed["tasks"]);
  const specs = byId("specification.tasks", specified["tasks"]);
  const writers = new Map<string, string>();
  for (const [id, task] of specs)
    for (const file of texts(id, task, "outputFiles")) writers.set(file, id);
  const parents = parentsOf(specs);
  const tasks = Array.from(specs, ([id, task]) => {
    const run = runs.get(id);
    if (run === undefined) throw wrong(`task ${id} is in the specification only`);
    const reads = Map.groupBy(
      texts(id, task, "inputFiles").filter((file) => (writers.get(file) ?? id) !== id),
      (file) => writers.get(file) ?? "",
    );
    return {
      id,
      seconds: amount(`runtimeInSeconds of ${id}`, run["runtimeInSeconds"]),
      cores: amount(`coreCount of ${id}`, run["coreCount"]) || 1,
      memoryBytes: amount(`memoryInBytes of ${id}`, run["memoryInBytes"]),
      needs: [...new Set([...(parents.get(id) ?? []), ...reads.keys()])],
      reads: new Map(Array.from(reads, ([writer, files]) => [writer, files.map(sized(sizes))])),
      writes: texts(id, task, "outputFiles").map(sized(sizes)),
    };
  });
  return { name: textOf("name", whole["name"]), tasks, ...machinesOf(executed["machines"]) };
}

const sized =
  (sizes: ReadonlyMap<string, number>) =>
  (name: string): WfFile => ({ name, bytes: sizes.get(name) ?? 0 });

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw wrong(`it is no JSON: ${error.message}`);
  }
}

/** What comes directly before each task, said by itself or by those. */
function parentsOf(specs: ReadonlyMap<string, Fields>): ReadonlyMap<string, ReadonlySet<string>> {
  const parents = new Map<string, Set<string>>(Array.from(specs.keys(), (id) => [id, new Set()]));
  const link = (parent: string, child: string): void => {
    if (!specs.has(parent) || !specs.has(child)) {
      throw wrong(`${parent} is to come before ${child}, and one of them is not there`);
    }
    parents.get(child)?.add(parent);
  };
  for (const [id, task] of specs) {
    for (const parent of texts(id, task, "parents")) link(parent, id);
    for (const child of texts(id, task, "children")) link(id, child);
  }
  return parents;
}

function machinesOf(machines: unknown): Pick<WfInstance, "cores" | "memoryBytes"> {
  let [cores, memoryBytes] = [0, 0];
  for (const raw of list("execution.machines", machines ?? [])) {
    const { cpu, memoryInBytes } = object("a machine", raw);
    if (cpu !== undefined) cores += amount("coreCount", object("cpu", cpu)["coreCount"]);
    memoryBytes += amount("memoryInBytes", memoryInBytes);
  }
  return { cores, memoryBytes };
}

function byId(what: string, raw: unknown): Map<string, Fields> {
  const all = new Map<string, Fields>();
  for (const one of list(what, raw)) {
    const task = object(`one of ${what}`, one);
    const id = textOf(`an id in ${what}`, task["id"]);
    if (all.has(id)) throw wrong(`${what} has ${id} twice`);
    all.set(id, task);
  }
  return all;
}

const texts = (id: string, task: Fields, key: string): string[] =>
  list(`${key} of ${id}`, task[key] ?? []).map((one) => textOf(`one of ${key} of ${id}`, one));

function object(what: string, raw: unknown): Fields {
  if (typeof raw === "object" && raw !== null && !Array.isArray(raw)) return raw as Fields;
  throw wrong(`${what} is no object`);
}

function list(what: string, raw: unknown): readonly unknown[] {
  if (Array.isArray(raw)) return raw;
  throw wrong(`${what} is no list`);
}

function textOf(what: string, raw: unknown): string {
  if (typeof raw === "string" && raw !== "") return raw;
  throw wrong(`${what} is no text`);
}

/** What is not said is nothing. */
function amount(what: string, raw: unknown): number {
  if (raw === undefined || raw === null) return 0;
  if (typeof raw === "number" && raw >= 0 && Number.isFinite(raw)) return raw;
  throw wrong(`${what} is no amount`);
}

const wrong = (why: string): MillraceError =>
  new MillraceError("E_DEF_INVALID", `not a WfFormat instance: ${why}`);
