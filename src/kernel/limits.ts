/**
 * Every bound of the system in one place, each with its reason. Relations between bounds that the
 * code relies on are asserted when this module loads.
 */
const KiB = 1024;
const MiB = 1024 * KiB;

/** Bytes, milliseconds (`…Ms`), characters or counts, as the names say. Not configurable. */
export const limits = {
  /** One frame, encoded. A NATS server refuses messages above 1 MiB by default; headers need room. */
  frameBytesMax: MiB - 16 * KiB,
  /** What a compressed frame may unpack to: a bound against bombs. */
  frameInflatedBytesMax: 64 * MiB,
  /** A frame takes no further input once its events have grown past this. */
  frameBytesTarget: 256 * KiB,
  /** A value (input, output, payload) up to this size lives inside its event; above, in the blob store. */
  valueInlineBytesMax: 64 * KiB,
  /** One value as JSON text. Larger data belongs into files or outputs passed by reference. */
  valueBytesMax: 256 * MiB,
  jsonDepthMax: 64,
  jsonKeysMax: 2_000_000,
  /** Events of one run; one that comes to have more fails. */
  runEventsMax: 1_000_000,
  /** Steps that one graph may declare, and items one `map` may fan out to. */
  stepsPerPlanMax: 20_000,
  mapItemsMax: 100_000,
  attemptsMax: 1_000,
  errorMessageCharsMax: 4_096,
  errorStackCharsMax: 16_384,
  errorCauseDepthMax: 5,
  /** A wait shorter than this stays in the process; a longer one parks the run when nothing else moves. */
  parkAfterMs: 1_000,
  /** A host that does not extend its lease for this long has lost its runs. */
  leaseMs: 15_000,
  heartbeatMs: 2_000,
  nodeGoneMs: 6_000,
  /** After so long every node that lives has been heard: what none of them can carry, none will. */
  fleetKnownMs: 6_000,
  /** How often a process asks the next ones of the ring whether they are there … */
  aliveEveryMs: 200,
  /** … and how long it waits before it believes that one is gone: connections come back meanwhile. */
  goneConfirmMs: 400,
  /** A node that does not answer an ask for so long is asked again, or another one is. */
  askAnswerMs: 5_000,
  /** How long a node keeps room for a step that another one wants to run there, before that says go. */
  grantMs: 10_000,
  /** After so long without a word about it, a node looks into the log what became of a step's note. */
  noteAnswerMs: 5_000,
  /** How often a running process looks for runs that nobody holds. */
  sweepEveryMs: 30_000,
  /** A run that cannot be gone on with is looked at again after twice as long each time, at most this. */
  faultPauseMaxMs: 10 * 60_000,
  /** How long steps may take to end by themselves when their run is cancelled, unless somebody says otherwise. */
  cancelGraceMs: 5_000,
  /** How long a graceful stop waits for running steps before it aborts them. */
  stopGraceMs: 10_000,
  /** A commit that meets this many revision conflicts in a row gives the run back. */
  commitConflictsMax: 16,
  labelsMax: 32,
  /** Signals that a run hands over untaken to the one that goes on for it: they must fit its first frame. */
  carriedSignalsMax: 10_000,
  /** Ids of signals taken that a run of a chain remembers from the runs before it. */
  rememberedSignalsMax: 256,
  /** Events after which `ctx.continueIfLong` goes on as another run, unless the workflow says otherwise. */
  continueAtEvents: 10_000,
  correlationCharsMax: 256,
  /** A signal to a correlation key is kept for runs that are started within this, unless it says otherwise. */
  correlatedKeptMs: 24 * 3_600_000,
  /** What nobody takes is kept in an inbox for 90 days at most. */
  inputKeptMs: 90 * 24 * 3_600_000,
  /** A gate remembers when each of so many was let in, to be exact about every span. */
  rateMax: 10_000,
  /** Starts that become one run. */
  batchMax: 10_000,
  /** A schedule's id becomes part of the ids of its runs. */
  scheduleIdCharsMax: 64,
  /** Orders (runs now, ticks of the past) that a schedule keeps until they are served. */
  scheduleOrdersMax: 100,
  /** Ticks that one backfill asks for, and missed ones that are made up for. */
  backfillTicksMax: 10_000,
  catchUpTicksMax: 1_000,
  /** Runs, types or steps that one subscription may ask for by name. */
  filterEntriesMax: 1_000,
  /** Partitions of a log: each reader of many runs reads every one. */
  partitionsMax: 64,
} as const;

const relations: readonly (readonly [boolean, string])[] = [
  [
    limits.frameBytesTarget + 2 * limits.valueInlineBytesMax < limits.frameBytesMax,
    "a frame that is still open has room for one more input and its result",
  ],
  [
    limits.heartbeatMs * 3 <= limits.nodeGoneMs,
    "two heartbeats may be lost before a node counts as gone",
  ],
  [
    limits.aliveEveryMs + limits.goneConfirmMs < 1_000,
    "the runs of a dead process go on within a second",
  ],
  [limits.parkAfterMs < limits.leaseMs, "a short wait ends before its lease would"],
];
for (const [holds, why] of relations)
  if (!holds) throw new Error(`limits contradict each other: ${why}`);
