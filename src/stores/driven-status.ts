/** The statuses of the checkpoint store, and how a run driven by hand gets from one to another. */
import type { RunCommand } from "../../machines/run-data.ts";
import type { Failure, Value } from "../../machines/values.ts";
import { isTerminal, type RunState } from "../domain/state.ts";
import type { Draft } from "../engine/turn/draft.ts";
import { MillraceError } from "../kernel/errors.ts";
import { demandDriven, orderRun } from "./driven-run.ts";

/** The five statuses of the seed. The last three are final. */
export type DrivenStatus = "running" | "paused" | "completed" | "failed" | "cancelled";

/** Statuses that a run driven by hand can be given. */
export const drivenStatuses: readonly DrivenStatus[] = [
  "running",
  "paused",
  "completed",
  "failed",
  "cancelled",
];

/** What is recorded of an end. */
export interface Ending {
  readonly output: Value;
  readonly error: Failure;
  readonly reason: string;
}

/** The status of any run: one that is hosted, or waits for something, is running. */
export function drivenStatus({ run }: RunState): DrivenStatus {
  switch (run.state) {
    case "completed":
    case "failed":
    case "cancelled":
      return run.state;
    case "terminated":
      return "cancelled";
    // Nothing more happens to this one.
    case "continued":
      return "completed";
    default:
      return run.context.paused === null ? "running" : "paused";
  }
}

/**
 * Moves the run. Setting the status that it has changes nothing.
 * @throws MillraceError `E_RUN_NOT_FOUND`; `E_COMMAND_REFUSED` when the run has ended, or is not
 * driven by hand
 */
export function moveRun(draft: Draft, node: string, to: DrivenStatus, ending: Ending): void {
  const { state, now } = draft;
  demandDriven(state, `set run ${to}`);
  const from = drivenStatus(state);
  if (from === to) return;
  if (isTerminal(state)) throw ended(state, from, to);
  switch (to) {
    case "running":
      orderRun(draft, { type: "cmd.resume", now, by: node });
      break;
    case "paused":
      orderRun(draft, { type: "cmd.pause", now, by: node, reason: ending.reason });
      break;
    case "completed":
      end(draft, node, { type: "cmd.complete", now, output: ending.output });
      break;
    case "failed":
      end(draft, node, { type: "cmd.fail", now, error: ending.error });
      break;
    case "cancelled":
      orderRun(draft, { type: "cmd.cancel", now, by: node, reason: ending.reason });
      draft.settle();
  }
}

/** A run must be claimed to end. */
function end(draft: Draft, node: string, command: RunCommand): void {
  orderRun(draft, { type: "cmd.claim", now: draft.now, node, lease: "" });
  orderRun(draft, command);
}

const ended = (state: RunState, from: DrivenStatus, to: DrivenStatus): MillraceError =>
  new MillraceError(
    "E_COMMAND_REFUSED",
    `run ${state.id} has ended (${from}) and cannot become ${to}; begin another run, or delete this one first`,
    { details: { run: state.id, from, to } },
  );
