/** From files of the user's code to the workflows that they export. */
import { statSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { isMillraceError, MillraceError } from "../kernel/errors.ts";
import type { Workflow } from "../workflow/definition.ts";
import { didYouMean } from "../workflow/suggest.ts";

/**
 * Imports the files and takes every exported workflow, also from exported lists; one that is exported
 * twice counts once. TypeScript runs as it is, without a build (Node 22.18 or newer).
 * @throws MillraceError `E_OPTION_INVALID` for a file that is missing, cannot be loaded or exports no
 *   workflow; what a definition in it throws
 */
export async function loadWorkflows(files: readonly string[]): Promise<readonly Workflow[]> {
  const found = new Set<Workflow>();
  for (const file of files) {
    const exported = Object.values(await load(file)).flat();
    const workflows = exported.filter(isWorkflow);
    if (workflows.length === 0) throw noWorkflow(file, exported);
    for (const workflow of workflows) found.add(workflow);
  }
  return [...found];
}

/**
 * The workflow to run: the one named, or the only one there is.
 * @throws MillraceError `E_WORKFLOW_UNKNOWN` for a name that is not there, `E_OPTION_INVALID` when
 *   there are several and none is named
 */
export function chooseWorkflow(workflows: readonly Workflow[], name: string | undefined): Workflow {
  const names = workflows.map((workflow) => workflow.name);
  const [only, ...others] = workflows;
  if (name === undefined) {
    if (only !== undefined && others.length === 0) return only;
    throw new MillraceError(
      "E_OPTION_INVALID",
      `the file exports ${names.length} workflows; choose one with --workflow: ${names.join(", ")}`,
      { details: { workflows: names } },
    );
  }
  const chosen = workflows.find((workflow) => workflow.name === name);
  if (chosen !== undefined) return chosen;
  throw new MillraceError(
    "E_WORKFLOW_UNKNOWN",
    `the file exports no workflow named ${JSON.stringify(name)}${didYouMean(name, names)}; it exports ${names.join(", ")}`,
    { details: { workflow: name } },
  );
}

async function load(file: string): Promise<Record<string, unknown>> {
  const path = resolve(file);
  if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true)
    throw unusable(file, "there is no such file");
  try {
    return (await import(pathToFileURL(path).href)) as Record<string, unknown>;
  } catch (error) {
    if (isMillraceError(error)) throw error;
    throw unusable(file, `it cannot be loaded${where(file, error)}`, error);
  }
}

/** By its looks: the file may have imported another copy of this package. */
function isWorkflow(value: unknown): value is Workflow {
  if (typeof value !== "object" || value === null) return false;
  const { kind, name, plan } = value as Partial<Record<"kind" | "name" | "plan", unknown>>;
  const isKind = kind === "graph" || kind === "code";
  return isKind && typeof name === "string" && typeof plan === "object" && plan !== null;
}

function noWorkflow(file: string, exported: readonly unknown[]): MillraceError {
  const unbuilt = exported.some(
    (value) => typeof value === "object" && value !== null && "build" in value,
  );
  return unusable(
    file,
    unbuilt
      ? "it exports a graph that is not built; end it with .build()"
      : "it exports no workflow; export what workflow(…) or graph(…).build() gives",
  );
}

/**
 * Where the file is wrong, as far as Node says: its stacks begin with the place for TypeScript that it
 * cannot strip, and lack it for JavaScript. Errors of the running file carry it in their stack.
 */
function where(file: string, error: unknown): string {
  if (!(error instanceof Error)) return "";
  if ("code" in error && error.code === "ERR_UNKNOWN_FILE_EXTENSION")
    return "; TypeScript needs Node 22.18 or newer, or give the JavaScript it is compiled to";
  if (!(error instanceof SyntaxError)) return "";
  const [first = ""] = (error.stack ?? "").split("\n");
  return /:\d+$/.test(first) ? ` (at ${first})` : `; "node --check ${file}" shows where`;
}

const unusable = (file: string, why: string, cause?: unknown): MillraceError =>
  new MillraceError("E_OPTION_INVALID", `file ${file}: ${why}`, {
    details: { file },
    ...(cause === undefined ? {} : { cause }),
  });
