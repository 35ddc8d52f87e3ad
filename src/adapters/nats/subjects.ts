/**
 * Where everything lies on the server: the one place that builds stream names and subjects. An id
 * is checked again here, whoever checked it before, because on NATS it is syntax: a run called `*`
 * would read, and erase, every other run.
 */
import { checkId, ID_PATTERN } from "../../kernel/ids.ts";
import { addressOfNode, KEY_ADDRESS } from "../../ports/inbox.ts";

/** One partition of the log, of so many. */
export interface LogPart {
  readonly partition: number;
  readonly partitions: number;
}

/** The log in one piece. */
export const WHOLE: LogPart = { partition: 0, partitions: 1 };

/** Names in one namespace, and in it in one partition of the log. Every function throws `E_ID_INVALID` for an id that is not usable. */
export interface Subjects {
  readonly streams: Streams;
  /** The key-value buckets and the object store, as their clients call them. */
  readonly buckets: { readonly nodes: string; readonly views: string; readonly blobs: string };
  /** What each stream holds. */
  readonly all: { readonly [stream in keyof Streams]: readonly string[] };
  /** Frames of one run. */
  frames(workflow: string, run: string): string;
  /** All that can lie under a run's id: frames of any workflow, and its tombstone. */
  run(run: string): string;
  /** Frames of one workflow, or of all; without a workflow the tombstones match too. */
  workflow(workflow?: string): string;
  tombstone(run: string): string;
  /** The stored frames, republished: of a workflow, a run, or all. */
  live(workflow?: string, run?: string): string;
  /** Inputs of a run, or of a node or a key by its address. */
  inputs(run: string): string;
  liveInputs(run: string): string;
  ticket(workflow: string, run: string): string;
  tickets(workflow: string): string;
  /** The ticket of a run, whatever its workflow is called. */
  ticketOf(run: string): string;
  /** The scheduled message that becomes `due`. */
  timer(run: string): string;
  due(workflow: string, run: string): string;
  dueOf(run: string): string;
  /** Where a process that gives another's claim back says so. */
  readonly reclaimed: string;
  /** Where a process answers that it is alive. */
  node(node: string): string;
  /** A node's key in the bucket. */
  nodeKey(node: string): string;
  /** The keys of all nodes. */
  readonly nodeKeys: string;
  /** The parts of an object, which the object store names by an id of its own making. */
  chunks(object: string): string;
}

/** Names of the streams of one namespace. */
export interface Streams {
  readonly log: string;
  readonly inbox: string;
  readonly work: string;
  readonly timers: string;
  readonly nodes: string;
  readonly views: string;
  readonly blobs: string;
}

/** Stands where a workflow's name would. No workflow can be called that: names begin otherwise. */
const ERASED = "_erased";
/** The one timer that the queue sets per run. */
const TICKET_TIMER = "ticket";

/**
 * What the subjects of a partition of the log begin with. They say which it is and of how many, so that
 * nothing that is kept or republished needs to be looked up; in one piece they say nothing of it.
 */
const logBase = (namespace: string, { partition, partitions }: LogPart): string =>
  `mr.${namespace}.log${partitions === 1 ? "" : `.${partition}-${partitions}`}`;

/** Of how many partitions the log is that keeps this subject; undefined: it is none of a log. */
export function partitionsIn(namespace: string, subject: string): number | undefined {
  if (subject === `${logBase(namespace, WHOLE)}.*.*`) return 1;
  const partitions = Number(partOf(subject)?.partitions);
  const first = { partition: 0, partitions };
  return subject === `${logBase(namespace, first)}.*.*` ? partitions : undefined;
}

const PART = /^mr\.[^.]+\.log\.(\d+)-(\d+)\.[^.]+\.[^.]+$/;

/** The partition that a subject of the log names; undefined: it is in one piece. */
export function partOf(subject: string): LogPart | undefined {
  const [, partition, partitions] = PART.exec(subject) ?? [];
  if (partition === undefined || partitions === undefined) return undefined;
  return { partition: Number(partition), partitions: Number(partitions) };
}

/** The republished copies; `{{wildcard(n)}}` is the n-th `*` of the source. */
export const republished = (
  namespace: string,
  part: LogPart,
): { readonly [stream in "log" | "inbox"]: { readonly src: string; readonly dest: string } } => ({
  log: {
    src: `${logBase(namespace, part)}.*.*`,
    dest: `mr.${namespace}.live.log.{{wildcard(1)}}.{{wildcard(2)}}`,
  },
  inbox: { src: `mr.${namespace}.in.*`, dest: `mr.${namespace}.live.in.{{wildcard(1)}}` },
});

/** @throws MillraceError `E_ID_INVALID` for a namespace that is not an id */
export function subjectsOf(namespace: string, part: LogPart = WHOLE): Subjects {
  const base = `mr.${checkId("namespace", namespace)}`;
  const stream = (kind: string): string => `MR_${namespace}_${kind}`;
  const log = logBase(namespace, part);
  const workflowToken = (name: string): string => checkId("workflow name", name);
  const runToken = (id: string): string => checkId("run id", id);
  const inboxToken = (id: string): string => {
    if (KEY_ADDRESS.test(id)) return id;
    return id.startsWith("@") ? addressOfNode(checkId("node id", id.slice(1))) : runToken(id);
  };
  const nodeToken = (id: string): string => checkId("node id", id);
  const buckets = { nodes: stream("NODES"), views: stream("VIEWS"), blobs: stream("BLOBS") };
  return {
    streams: {
      // The first is called as the only one would be: of those who make a namespace at once, one decides.
      log: stream(part.partition === 0 ? "LOG" : `LOG_${part.partition}`),
      inbox: stream("IN"),
      work: stream("WORK"),
      timers: stream("TIMERS"),
      nodes: `KV_${buckets.nodes}`,
      views: `KV_${buckets.views}`,
      blobs: `OBJ_${buckets.blobs}`,
    },
    buckets,
    all: {
      log: [`${log}.*.*`],
      inbox: [`${base}.in.*`],
      work: [`${base}.work.run.*.*`, `${base}.work.task.*`],
      timers: [`${base}.timer.*.*`, `${base}.due.*.*`],
      nodes: [`$KV.${buckets.nodes}.>`],
      views: [`$KV.${buckets.views}.>`],
      blobs: [`$O.${buckets.blobs}.C.>`, `$O.${buckets.blobs}.M.>`],
    },
    frames: (workflow, run) => `${log}.${workflowToken(workflow)}.${runToken(run)}`,
    run: (run) => `${log}.*.${runToken(run)}`,
    workflow: (workflow) =>
      workflow === undefined ? `${log}.*.*` : `${log}.${workflowToken(workflow)}.*`,
    tombstone: (run) => `${log}.${ERASED}.${runToken(run)}`,
    live: (workflow, run) =>
      `${base}.live.log.${workflow === undefined ? "*" : workflowToken(workflow)}.${run === undefined ? "*" : runToken(run)}`,
    inputs: (run) => `${base}.in.${inboxToken(run)}`,
    liveInputs: (run) => `${base}.live.in.${inboxToken(run)}`,
    ticket: (workflow, run) => `${base}.work.run.${workflowToken(workflow)}.${runToken(run)}`,
    tickets: (workflow) => `${base}.work.run.${workflowToken(workflow)}.*`,
    ticketOf: (run) => `${base}.work.run.*.${runToken(run)}`,
    timer: (run) => `${base}.timer.${runToken(run)}.${TICKET_TIMER}`,
    due: (workflow, run) => `${base}.due.${workflowToken(workflow)}.${runToken(run)}`,
    dueOf: (run) => `${base}.due.*.${runToken(run)}`,
    reclaimed: `${base}.reclaimed`,
    node: (node) => `${base}.node.${nodeToken(node)}`,
    chunks: (object) => `$O.${buckets.blobs}.C.${checkId("object id", object)}`,
    nodeKey: (node) => `$KV.${buckets.nodes}.${nodeToken(node)}`,
    nodeKeys: `$KV.${buckets.nodes}.*`,
  };
}

/** The run, or the node, that a subject's last token names. */
export const nameOf = (subject: string): string => subject.slice(subject.lastIndexOf(".") + 1);

/** The workflow and run that the last two tokens of a subject name; undefined for a tombstone. */
export function placeOf(
  subject: string,
): { readonly workflow: string; readonly run: string } | undefined {
  const runAt = subject.lastIndexOf(".");
  const workflow = nameOf(subject.slice(0, runAt));
  return workflow === ERASED ? undefined : { workflow, run: subject.slice(runAt + 1) };
}

/** The same for tickets: undefined also for what somebody else put there and is no ticket. */
export function ticketPlaceOf(subject: string): ReturnType<typeof placeOf> {
  const place = placeOf(subject);
  return place && ID_PATTERN.test(place.workflow) && ID_PATTERN.test(place.run) ? place : undefined;
}
