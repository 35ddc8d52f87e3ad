/**
 * Why a run is not finished: everything it waits for, since when, until when, who could end the wait, and
 * what is next. Derived from its state alone. For every run that has not ended there is at least one reason.
 */

import { codeName } from "../cluster/versions.ts";
import { isHeldBack } from "./admission.ts";
import { admissionWaits } from "./explain-admission.ts";
import { childWaits } from "./explain-children.ts";
import { keptSignals, outsideWaits, timeWait } from "./explain-outside.ts";
import { attemptWaits, stepWaits } from "./explain-steps.ts";
import { isDriven, isParked, isTerminal, type RunState } from "./state.ts";
import { earlier, type KeptSignal, type Wait } from "./wait.ts";

/** The answer to "why does it wait?". */
export interface Explanation {
  readonly run: string;
  readonly status: string;
  /** Empty exactly when the run has ended. */
  readonly waits: readonly Wait[];
  /** Signals that came and that nothing of the run waits for yet. */
  readonly kept: readonly KeptSignal[];
}

/** What its state says; whether there is a process that could go on with it is not among it. */
export function explain(state: RunState): Explanation {
  const { deadline } = state.run.context;
  // Whatever it waits for, the run's own time ends it.
  const waits = isTerminal(state)
    ? []
    : waitsOf(state).map((wait) => ({ ...wait, until: earlier(wait.until, deadline) }));
  return { run: state.id, status: state.run.state, waits, kept: [...keptSignals(state)] };
}

function waitsOf(state: RunState): Wait[] {
  const { context } = state.run;
  if (state.cursor.partial) return [importWait(state)];
  if (isDriven(state)) return [...stepWaits(state), drivenWait(state)];
  if (isHeldBack(state)) {
    const held = [...setAside(state), ...admissionWaits(state)];
    return context.paused === null ? held : [...held, pausedWait(state, context.paused)];
  }
  if (state.run.state === "unborn" || state.run.state === "pending") {
    const claimed = claimWait(state);
    return context.paused === null ? [claimed] : [claimed, pausedWait(state, context.paused)];
  }
  if (context.paused !== null) {
    return [...attemptWaits(state), ...childWaits(state), pausedWait(state, context.paused)];
  }
  const undoing = state.run.state === "compensating" || state.run.state === "cancelling";
  // No wait for anything from outside ends what is being ended.
  const outside = undoing ? [] : [...outsideWaits(state)];
  const waits = [...setAside(state), ...outside, ...childWaits(state), ...stepWaits(state)];
  if (waits.length > 0) return waits;
  return state.run.state === "parked" ? [parkedWait(state)] : [decisionWait(state)];
}

function claimWait({ run: { context }, plan }: RunState): Wait {
  const version = plan?.label === undefined ? "" : ` (version ${plan.label})`;
  return {
    kind: "host",
    what: "no process has claimed the run",
    since: context.createdAt,
    until: null,
    by: `a process that has workflow ${context.workflow || "?"}${version} and a free place`,
    next: "its first steps begin",
  };
}

function drivenWait({ run: { context } }: RunState): Wait {
  return {
    kind: "hand",
    what: "the run is driven by hand, through a store",
    since: context.updatedAt,
    until: null,
    by: "whoever drives it",
    next: "whatever they record",
  };
}

function importWait({ run: { context } }: RunState): Wait {
  return {
    kind: "import",
    what: "only a part of the run was imported: what forks of it go back to",
    since: context.updatedAt,
    until: null,
    by: "`millrace import` of the whole run",
    next: "it goes on here",
  };
}

function decisionWait({ run: { context } }: RunState): Wait {
  return {
    kind: "decision",
    what: "its host decides what is next",
    since: context.updatedAt,
    until: null,
    by: `its host, node ${context.node ?? "?"}; if that is gone, the next one`,
    next: "what it decides",
  };
}

/** A run that was parked for another reason than a wait of its own: its code does not fit, say. */
const setAside = (state: RunState): Wait[] =>
  isParked(state) && !/^(waits for|held)/.test(state.run.context.parkedReason ?? "")
    ? [parkedWait(state)]
    : [];

function parkedWait(state: RunState): Wait {
  const { parkedReason, parkedUntil, parkedError, faults, updatedAt: since } = state.run.context;
  const what = parkedReason?.trim() || "parked";
  const next = "a process claims the run and looks again";
  if (parkedError?.code === "E_VERSION_UNKNOWN") {
    return { ...versionWait(state, since), what: parkedError.message };
  }
  if (parkedError !== null) {
    const times = faults > 1 ? ` (${faults} times in a row)` : "";
    const by = "the next look at it, or `millrace terminate`";
    return { kind: "fault", what: `${what}${times}`, since, until: parkedUntil, by, next };
  }
  if (parkedUntil !== null) return { ...timeWait(what, since, parkedUntil), next };
  const by = `\`millrace signal ${state.id} NAME\``;
  return { kind: "signal", what, since, until: null, by, next };
}

/** Nobody who is up has the code that the run needs. */
export function versionWait({ id, run, plan }: RunState, since: number): Wait {
  const { workflow } = run.context;
  const code = plan?.label === undefined ? `workflow ${workflow}` : codeName(workflow, plan);
  return {
    kind: "host",
    what: `no process that is up has ${code}`,
    since,
    until: null,
    by: `a process that is opened with ${code}${plan?.label === undefined ? "" : `, or \`millrace migrate ${id}\``}`,
    next: "that process claims the run at once, and it goes on",
  };
}

function pausedWait(
  state: RunState,
  { by, at, reason }: { readonly by: string; readonly at: number; readonly reason: string },
): Wait {
  return {
    kind: "paused",
    what: `paused by ${by}: ${reason}`,
    since: at,
    until: null,
    by: `\`millrace resume ${state.id}\``,
    next: "it goes on where it was, with all that came meanwhile",
  };
}
