/**
 * Versions of workflows: which one a run is on, and which processes have it. In a rolling deploy old and new
 * code are up side by side, and each run must find its own.
 */

/** One version of a workflow, as a plan and a process name it. */
export interface Version {
  /** Digest of the definition. */
  readonly version: string;
  /** What its author calls it (`version` of the workflow's options); absent: nothing. */
  readonly label?: string;
}

/** A version that a process has the code of. */
export interface WorkflowVersion extends Version {
  readonly workflow: string;
}

/** What a node says about the code that it has. */
export interface Carrier {
  /** Names, each once. */
  readonly workflows: readonly string[];
  /** Absent: it was not said, as nodes of older releases do. */
  readonly versions?: readonly WorkflowVersion[];
}

/**
 * Code of the one may go on with runs of the other: it has the same label. Without labels an author says
 * nothing of versions, and what counts is that there is code for every step.
 */
export const isSameVersion = (one: Version, other: Version): boolean =>
  one.version === other.version || one.label === other.label;

/** A version for people: `v2`, or the beginning of its digest. */
export const versionName = ({ version, label }: Version): string => label ?? version.slice(0, 12);

/** A version of a workflow, in a sentence for people. */
export const codeName = (workflow: string, version: Version): string =>
  version.label === undefined
    ? `workflow ${workflow} (version ${versionName(version)})`
    : `version ${version.label} of workflow ${workflow}`;

/**
 * Whether the node has the version: `yes`, `no`, or `perhaps`, when nothing but the code of each step
 * could tell.
 */
export function carries(
  { workflows, versions }: Carrier,
  workflow: string,
  wanted: Version,
): "yes" | "perhaps" | "no" {
  if (!workflows.includes(workflow)) return "no";
  if (versions === undefined) return "perhaps";
  const own = versions.filter((one) => one.workflow === workflow);
  if (own.some(({ version }) => version === wanted.version)) return "yes";
  if (!own.some(({ label }) => label === wanted.label)) return "no";
  return wanted.label === undefined ? "perhaps" : "yes";
}
