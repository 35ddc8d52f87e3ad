/** The options of `open()`, checked once, with their defaults. */
import type { Allocator } from "../cluster/allocator.ts";
import { checkLabels, type Labels } from "../cluster/labels.ts";
import { checkResources, type Resources } from "../cluster/resources.ts";
import type { FrameCodec } from "../events/frame.ts";
import { plainCodec } from "../events/frame.ts";
import { systemClock } from "../kernel/clock.ts";
import { type Duration, millis } from "../kernel/duration.ts";
import { MillraceError } from "../kernel/errors.ts";
import { checkId, systemIds } from "../kernel/ids.ts";
import { limits } from "../kernel/limits.ts";
import type { Logger } from "../kernel/logger.ts";
import { systemRandom } from "../kernel/random.ts";
import type { Store, World } from "../ports/store.ts";
import type { Workflow } from "../workflow/definition.ts";
import { didYouMean } from "../workflow/suggest.ts";
import { DEFAULT_STORE } from "./open-store.ts";
import { stderrLogger } from "./stderr-logger.ts";

/** How much one process takes on. */
export interface WorkerOptions {
  /** Steps that may run at once in this process. @default 64 */
  readonly steps?: number;
  /** Runs that may be hosted at once in this process. @default 1000 */
  readonly runs?: number;
}

/** What `open()` may be told. */
export interface OpenOptions {
  /** `"memory"`, `"sqlite:PATH"`, `"nats://HOST:PORT"`, or a store opened elsewhere. @default "sqlite:.millrace/millrace.db" */
  readonly store?: string | Store;
  /**
   * What this process can run. Without any it hosts nothing, until it is given a DAG to execute. Several
   * versions of one workflow may be among them: new runs begin with the first. @default []
   */
  readonly workflows?: readonly Workflow[];
  /** `false`: host nothing here, though workflows are given. @default {} when workflows are given */
  readonly worker?: false | WorkerOptions;
  /**
   * What steps that need it can have of this process, by name: `{ cpu: 4, memory: 8192, gpu: 1 }`. Counted,
   * not measured. @default {}
   */
  readonly resources?: Readonly<Record<string, number>>;
  /** What steps may look for in a node: `{ zone: "a" }`. @default {} */
  readonly labels?: Readonly<Record<string, string>>;
  /** Strategies of one's own, for workflows that name them; see `Allocator`. @default [] */
  readonly allocators?: readonly Allocator[];
  /** Separates installations that share a backend. @default "default" */
  readonly namespace?: string;
  /**
   * Among how many streams the log is divided, for an installation that outgrows one: 1 to 64, on NATS, and in
   * memory to try it. Decided when the namespace is made. There is no order between runs then; a run has its own
   * as ever. @default what is there, else 1
   */
  readonly partitions?: number;
  /** Id of this process. @default a new one */
  readonly node?: string;
  /**
   * Compresses or encrypts what users hand over, wherever it is kept: events, large values, what waits in
   * inboxes, saved views. The first writes, all read. @default none
   */
  readonly codecs?: readonly FrameCodec[];
  /** @default warnings and errors, as lines of JSON on stderr */
  readonly logger?: Logger;
  /**
   * File of the index that `search` looks into; disposable, and to be shared by processes of one machine. It
   * holds labels and errors as they are, also where `codecs` encrypt the log. @default ":memory:": each process
   * that searches folds the whole log once
   */
  readonly index?: string;
  /** How long a silent host keeps its runs. @default "15s" */
  readonly lease?: Duration;
  /** A run that waits longer than this is held by nobody meanwhile. @default "1s" */
  readonly parkAfter?: Duration;
  /** How often to look for runs that nobody holds. @default "30s" */
  readonly sweepEvery?: Duration;
  /** How long `close()` waits for running steps. @default "10s" */
  readonly stopGrace?: Duration;
  /** Clock, randomness and ids; for tests. @default the system's */
  readonly world?: World;
}

/** What one process takes on. */
export interface WorkerSettings {
  readonly runs: number;
  /** All that it has, its slots (`steps`) included. */
  readonly resources: Resources;
  readonly labels: Labels;
  readonly allocators: ReadonlyMap<string, Allocator>;
}

/** The options of `open()` with their defaults filled in. */
export interface Settings {
  readonly store: string | Store;
  /** By name, of each the version that new runs begin with. */
  readonly workflows: ReadonlyMap<string, Workflow>;
  /** All of them, in the order given. */
  readonly versions: readonly Workflow[];
  readonly worker: WorkerSettings | undefined;
  readonly namespace: string;
  readonly partitions: number | undefined;
  readonly node: string;
  readonly codecs: readonly [FrameCodec, ...FrameCodec[]];
  readonly logger: Logger;
  readonly index: string;
  readonly leaseMs: number;
  readonly parkAfterMs: number;
  readonly sweepEveryMs: number;
  readonly stopGraceMs: number;
  readonly world: World;
}

const KNOWN: readonly (keyof OpenOptions)[] = [
  "store",
  "workflows",
  "worker",
  "resources",
  "labels",
  "allocators",
  "namespace",
  "partitions",
  "node",
  "codecs",
  "logger",
  "index",
  "lease",
  "parkAfter",
  "sweepEvery",
  "stopGrace",
  "world",
];

/** @throws MillraceError `E_OPTION_INVALID`, `E_ID_INVALID`, `E_DEF_DUPLICATE` */
export function settings(options: OpenOptions): Settings {
  checkKeys("open()", options, KNOWN);
  const world = options.world ?? { clock: systemClock(), random: systemRandom, ids: systemIds };
  const versions = options.workflows ?? [];
  const workflows = byName(versions);
  const [first = plainCodec, ...others] = checkCodecs(options.codecs ?? []);
  const positive = (name: string, value: Duration): number => {
    const ms = millis(name, value);
    return ms > 0 ? ms : refuse(name, "must be above zero");
  };
  return {
    store: checkStore(options.store ?? DEFAULT_STORE),
    workflows,
    versions,
    worker: workerOf(options),
    namespace: checkId(
      "namespace",
      options.namespace === undefined ? "default" : options.namespace,
    ),
    partitions: checkPartitions(options),
    node: checkId("node id", options.node === undefined ? world.ids() : options.node),
    codecs: [first, ...others],
    logger: checkLogger(options.logger ?? stderrLogger),
    index: checkPath("index", options.index ?? ":memory:"),
    leaseMs: positive("lease", options.lease ?? limits.leaseMs),
    parkAfterMs: millis("parkAfter", options.parkAfter ?? limits.parkAfterMs),
    sweepEveryMs: positive("sweepEvery", options.sweepEvery ?? limits.sweepEveryMs),
    stopGraceMs: millis("stopGrace", options.stopGrace ?? limits.stopGraceMs),
    world,
  };
}

function checkStore(store: string | Store): string | Store {
  if (typeof store === "string" || store?.log !== undefined) return store;
  throw invalid("store", "must be the address of a store, or a store");
}

function checkPartitions({ partitions, store }: OpenOptions): number | undefined {
  if (partitions === undefined) return undefined;
  if (typeof store === "object") {
    refuse("partitions", "the store is open already; it has those that it was opened with");
  }
  const isNumber = Number.isSafeInteger(partitions) && partitions >= 1;
  if (isNumber && partitions <= limits.partitionsMax) return partitions;
  return refuse(
    "partitions",
    `${partitions} is not a whole number from 1 to ${limits.partitionsMax}`,
  );
}

function checkPath(option: string, path: string): string {
  if (typeof path === "string" && path !== "") return path;
  throw invalid(option, "must be the path of a file");
}

const CODEC_ID = /^[a-z0-9-]{1,32}$/;

function checkCodecs(codecs: readonly FrameCodec[]): readonly FrameCodec[] {
  if (!Array.isArray(codecs)) throw invalid("codecs", "must be a list of codecs");
  for (const [index, codec] of codecs.entries()) {
    const { id, encode, decode } = (codec ?? {}) as Partial<FrameCodec>;
    const whole = typeof encode === "function" && typeof decode === "function";
    if (!whole || typeof id !== "string" || !CODEC_ID.test(id)) {
      throw invalid("codecs", `[${index}] is no codec with an id of a-z 0-9 -, encode and decode`);
    }
  }
  return codecs;
}

function checkLogger(logger: Logger): Logger {
  const { info, warn, error } = logger;
  if ([info, warn, error].every((method) => typeof method === "function")) return logger;
  throw invalid("logger", "must have info, warn and error");
}

function byName(workflows: readonly Workflow[]): Map<string, Workflow> {
  const named = new Map<string, Workflow>();
  if (!Array.isArray(workflows)) throw invalid("workflows", "must be a list of workflows");
  for (const [place, workflow] of workflows.entries()) {
    if (workflow?.plan === undefined) {
      throw invalid("workflows", "holds something that is no workflow; did you forget `.build()`?");
    }
    const others = workflows.slice(0, place).filter(({ name }) => name === workflow.name);
    if (others.some(({ plan }) => plan.label === workflow.plan.label)) throw twice(workflow);
    if (others.length === 0) named.set(workflow.name, workflow);
  }
  return named;
}

function twice({ name, version }: Workflow): MillraceError {
  const which = version === undefined ? "" : ` and have version ${version}`;
  return new MillraceError(
    "E_DEF_DUPLICATE",
    `two workflows are named ${name}${which}; give each \`version\` of it another label`,
    { details: { workflow: name } },
  );
}

function checkAllocators(allocators: readonly Allocator[]): ReadonlyMap<string, Allocator> {
  if (!Array.isArray(allocators)) throw invalid("allocators", "must be a list of strategies");
  for (const allocator of allocators) {
    if (typeof allocator?.place !== "function") {
      throw invalid("allocators", "holds something that has no name and `place(request, view)`");
    }
    checkId("strategy name", allocator.name);
  }
  return new Map(allocators.map((allocator) => [allocator.name, allocator]));
}

/** @throws MillraceError `E_OPTION_INVALID` */
export function checkNodeResources(resources: unknown): Resources {
  const has = checkResources("resources", resources);
  if ("steps" in has) refuse("resources.steps", "how many steps at once is said by worker.steps");
  return has;
}

function workerOf({
  worker,
  resources = {},
  labels = {},
  allocators = [],
}: OpenOptions): WorkerSettings | undefined {
  const has = checkNodeResources(resources);
  const checked = checkLabels("labels", labels);
  const strategies = checkAllocators(allocators);
  if (worker === false) return undefined;
  if (worker !== undefined) {
    checkKeys("worker", worker, ["steps", "runs"] satisfies (keyof WorkerOptions)[]);
  }
  const { steps = 64, runs = 1_000 } = worker ?? {};
  for (const [name, value] of Object.entries({ steps, runs })) {
    if (!Number.isSafeInteger(value) || value < 1)
      refuse(`worker.${name}`, `${value} is not a whole number from 1`);
  }
  return {
    runs,
    resources: Object.freeze({ steps, ...has }),
    labels: checked,
    allocators: strategies,
  };
}

function checkKeys(what: string, options: unknown, known: readonly string[]): void {
  const proto: unknown =
    typeof options === "object" && options !== null ? Object.getPrototypeOf(options) : undefined;
  if (proto !== Object.prototype && proto !== null) {
    throw invalid(what, "its options are not a plain object");
  }
  for (const key of Object.keys(options as object)) {
    if (known.includes(key)) continue;
    throw invalid(
      key,
      `unknown option of ${what}${didYouMean(key, known)}; known are ${known.join(", ")}`,
    );
  }
}

const refuse = (option: string, what: string): never => {
  throw invalid(option, what);
};

const invalid = (option: string, what: string): MillraceError =>
  new MillraceError("E_OPTION_INVALID", `${option}: ${what}`, { details: { option } });
