/**
 * Why a run is not finished: everything it waits for, since when, until when, and who could end the
 * wait. Derived from its state alone. For every run that has not ended there is at least one reason.
 */
import { isFull } from "./outstanding.ts";
import { isParked, isTerminal, planStep, type RunState, stepActor } from "./state.ts";

/** One thing that a run waits for. */
export interface Wait {
  /**
   * `host`: nobody has claimed it. `attempt`: a step's code is running. `start`: a step could run and
   * does not yet. `retry`: a step is tried again later. `needs`: a step waits for others. `items`: a
   * mapped step waits for its items. `held`: a step is out of attempts, and somebody must say what becomes
   * of it. `timer`, `signal`: from outside. `paused`: somebody said so. `fault`: it could not be gone on
   * with. `decision`: its host is at it.
   */
  readonly kind:
    | "host"
    | "attempt"
    | "start"
    | "retry"
    | "needs"
    | "items"
    | "held"
    | "fault"
    | "timer"
    | "signal"
    | "paused"
    | "decision";
  readonly step?: string;
  /** A sentence for people. */
  readonly what: string;
  /** Milliseconds since the epoch. */
  readonly since: number;
  /** When it ends by itself, by going on or by failing; null: never. */
  readonly until: number | null;
  /** Who or what ends it. */
  readonly by: string;
}

/** The answer to "why does it wait?". */
export interface Explanation {
  readonly run: string;
  readonly status: string;
  /** Empty exactly when the run has ended. */
  readonly waits: readonly Wait[];
}

/** Steps of one kind beyond this many are counted, not listed. */
const LISTED_MAX = 20;

export function explain(state: RunState): Explanation {
  const { deadline } = state.run.context;
  const waits = isTerminal(state)
    ? []
    : waitsOf(state).map((wait) => ({ ...wait, until: earlier(wait.until, deadline) }));
  return { run: state.id, status: state.run.state, waits };
}

function waitsOf(state: RunState): Wait[] {
  const { context } = state.run;
  if (state.run.state === "unborn" || state.run.state === "pending") {
    const by = `a process that has workflow ${context.workflow || "?"} and a free place`;
    return [
      {
        kind: "host",
        what: "no process has claimed the run",
        since: context.createdAt,
        until: null,
        by,
      },
    ];
  }
  if (context.paused !== null) return [...pausedWaits(state)];
  const outside = UNDOING.has(state.run.state) ? [] : [...timerWaits(state), ...signalWaits(state)];
  const waits = [...setAside(state), ...stepWaits(state), ...outside];
  if (waits.length > 0) return waits;
  if (state.run.state === "parked") return [parkedWait(state)];
  const by = `its host, node ${context.node ?? "?"}; if that is gone, the next one`;
  return [
    {
      kind: "decision",
      what: "its host decides what is next",
      since: context.updatedAt,
      until: null,
      by,
    },
  ];
}

/** No wait for anything from outside ends what is being ended. */
const UNDOING: ReadonlySet<string> = new Set(["compensating", "cancelling"]);

/** Whatever it waits for, the run's own time ends it. */
const earlier = (until: number | null, deadline: number | null): number | null =>
  until === null || (deadline !== null && deadline < until) ? deadline : until;

/** A run that was parked for another reason than a wait of its own: its code does not fit, say. */
const setAside = (state: RunState): Wait[] =>
  isParked(state) && !/^(waits for|held)/.test(state.run.context.parkedReason ?? "")
    ? [parkedWait(state)]
    : [];

function parkedWait(state: RunState): Wait {
  const { parkedReason, parkedUntil, parkedError, faults, updatedAt: since } = state.run.context;
  const what = parkedReason ?? "parked";
  if (parkedError !== null) {
    const times = faults > 1 ? ` (${faults} times in a row)` : "";
    const by = "the next look at it, or `millrace terminate`";
    return { kind: "fault", what: `${what}${times}`, since, until: parkedUntil, by };
  }
  if (parkedUntil !== null)
    return { kind: "timer", what, since, until: parkedUntil, by: "the clock" };
  return { kind: "signal", what, since, until: null, by: `\`millrace signal ${state.id} NAME\`` };
}

function* pausedWaits(state: RunState): Generator<Wait> {
  yield* some(state.running, (step) => attemptWait(state, step));
  const { paused, deadline } = state.run.context;
  if (paused === null) return;
  const what = `paused by ${paused.by}: ${paused.reason}`;
  yield {
    kind: "paused",
    what,
    since: paused.at,
    until: deadline,
    by: `\`millrace resume ${state.id}\``,
  };
}

function* stepWaits(state: RunState): Generator<Wait> {
  yield* some(state.running, (step) => attemptWait(state, step));
  yield* some(state.retrying, (step) => retryWait(state, step));
  yield* some(state.held, (step) => heldWait(state, step));
  yield* some(state.pending, (step) => startWait(state, step));
  // What has not begun by now never will.
  if (UNDOING.has(state.run.state)) return;
  yield* some(state.unmapped, (step) => startWait(state, step));
  yield* some(state.ready, (step) => needsWait(state, step));
  for (const [step, { count, left }] of state.mappings) {
    const since = stepActor(state, step).context.startedAt ?? 0;
    const what = `step ${step} has ${left} of ${count} items left`;
    yield { kind: "items", step, what, since, until: null, by: "its items" };
  }
  yield* some(state.unmet.keys(), (step) => needsWait(state, step));
}

function* some(steps: Iterable<string>, wait: (step: string) => Wait): Generator<Wait> {
  let listed = 0;
  for (const step of steps) {
    if (listed++ === LISTED_MAX) return;
    yield wait(step);
  }
}

function heldWait(state: RunState, step: string): Wait {
  const { error, heldAt } = stepActor(state, step).context;
  const what = `step ${step} is held: ${error?.code ?? ""}: ${error?.message ?? ""}`;
  const by = ["retry", "skip", "fail"]
    .map((verb) => `\`millrace ${verb} ${state.id} ${step}\``)
    .join(", ");
  return { kind: "held", step, what, since: heldAt ?? 0, until: null, by };
}

function attemptWait(state: RunState, step: string): Wait {
  const { attempt, maxAttempts, node, startedAt, endBy: closeBy } = stepActor(state, step).context;
  const what = `attempt ${attempt} of ${maxAttempts} of step ${step} is running`;
  const endBy = earlier(closeBy, state.run.context.cancelUntil);
  return {
    kind: "attempt",
    step,
    what,
    since: startedAt ?? 0,
    until: endBy,
    by: `node ${node ?? "?"}`,
  };
}

function retryWait(state: RunState, step: string): Wait {
  const { attempt, maxAttempts, error, startedAt, retryAt } = stepActor(state, step).context;
  const what = `step ${step} is tried again (${attempt} of ${maxAttempts} attempts made): ${error?.message ?? ""}`;
  return { kind: "retry", step, what, since: startedAt ?? 0, until: retryAt, by: "the clock" };
}

function startWait(state: RunState, step: string): Wait {
  const { scheduledAt } = stepActor(state, step).context;
  const full = isFull(state);
  const by = full
    ? "the end of a step that runs"
    : `a free slot of node ${state.run.context.node ?? "that claims the run"}`;
  const bound = full ? `; the run's bound of ${state.plan?.concurrency} at once is reached` : "";
  return {
    kind: "start",
    step,
    what: `step ${step} could run${bound}`,
    since: scheduledAt ?? 0,
    until: state.limited.get(step) ?? null,
    by,
  };
}

function needsWait(state: RunState, step: string): Wait {
  const needs = planStep(state, step)?.needs ?? [];
  const missing = needs.filter((need) => stepActor(state, need).context.endedAt === null);
  const { createdAt: since } = state.run.context;
  if (missing.length === 0) {
    return {
      kind: "decision",
      step,
      what: `step ${step} is about to be scheduled`,
      since,
      until: null,
      by: "its host",
    };
  }
  const what = `step ${step} needs ${missing.join(", ")}`;
  return {
    kind: "needs",
    step,
    what,
    since,
    until: null,
    by: missing.map((need) => `step ${need}`).join(", "),
  };
}

function* signalWaits(state: RunState): Generator<Wait> {
  for (const { name, since, due } of Object.values(state.run.context.waits)) {
    const by = `\`millrace signal ${state.id} ${name}\``;
    yield { kind: "signal", what: `waits for signal ${name}`, since, until: due, by };
  }
}

function* timerWaits(state: RunState): Generator<Wait> {
  const { timers, updatedAt: since } = state.run.context;
  for (const [timer, until] of Object.entries(timers)) {
    yield { kind: "timer", what: `sleeps (${timer})`, since, until, by: "the clock" };
  }
}
