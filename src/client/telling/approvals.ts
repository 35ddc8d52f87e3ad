/** People's side of approvals: which wait for a decision, and deciding one. */
import type { Decision } from "../../../machines/approval.ts";
import { objectionTo } from "../../domain/approvals.ts";
import { isDriven, isTerminal, type RunState } from "../../domain/state.ts";
import type { Engine } from "../../engine/engine.ts";
import { loadRun } from "../../engine/reading/history.ts";
import type { Projector } from "../../engine/reading/projector.ts";
import { MillraceError } from "../../kernel/errors.ts";
import { checkId } from "../../kernel/ids.ts";
import { limits } from "../../kernel/limits.ts";
import type { OpenApprovals } from "../../projections/open-approvals.ts";
import { hasEnded, type RunSummaries } from "../../projections/run-summary.ts";
import { isName, NAME_CHARS_MAX } from "../../workflow/approval-options.ts";
import { callOptions, invalidOption, textOption, wholeOption } from "../options.ts";
import { postInput, takerOf } from "./tell-run.ts";

/** Who decides, and what they say to it. */
export interface DecisionOptions {
  /** Who decides: recorded, and held against the approvers. Whether it is true is the caller's to know. */
  readonly by: string;
  /** Recorded with the decision; up to 4,096 characters. */
  readonly comment?: string;
  /** The decision's own id: sent again with the same one, it is taken once. @default a new one */
  readonly id?: string;
}

/** An approval that waits for a decision. */
export interface PendingApproval {
  readonly run: string;
  readonly workflow: string;
  /** What `approve` and `reject` are told. */
  readonly name: string;
  readonly prompt: string;
  /** Who may decide; null: anybody. */
  readonly approvers: readonly string[] | null;
  readonly since: number;
  /** Until when, and what it comes to then; null: it waits for ever. */
  readonly due: number | null;
  readonly onTimeout: "reject" | "approve" | "fail";
}

/** Which approvals `pendingApprovals` gives. */
export interface PendingOptions {
  readonly workflow?: string;
  /** Only those that this person may decide. */
  readonly by?: string;
  /** At most so many, those first that wait the longest. @default 100 */
  readonly limit?: number;
}

/** See `Client.approve` and `Client.reject`. */
export async function decide(
  engine: Engine,
  run: string,
  name: string,
  approved: boolean,
  options: DecisionOptions,
): Promise<void> {
  const call = approved ? "approve()" : "reject()";
  const given = callOptions(call, options, ["by", "comment", "id"]);
  const { id = engine.world.ids(), comment } = given;
  checkId("run id", run);
  checkApproval(name);
  checkId("decision id", id);
  const decision = checkDecision({
    approved,
    by: given.by as string,
    ...(comment === undefined ? {} : { comment }),
  });
  const taker = await takerOf(engine, run, id);
  if (taker === undefined) return;
  const state = await loadRun(engine, taker);
  if (Object.hasOwn(state.run.context.taken, id)) return;
  if (isDriven(state)) throw refused(run, `run ${run} is driven by hand and asks nobody`);
  if (ENDING.has(state.run.state)) {
    throw refused(run, `run ${run} is ${state.run.state}; no decision changes that`);
  }
  // Posted in any case: who tried to decide what is not theirs is to be found in the log.
  await postInput(engine, taker, { kind: "signal", id, name, payload: { json: null }, decision });
  const objection = objectionTo(state, name, decision);
  if (objection !== undefined) throw refused(run, `${objection}; this decision does not count`);
}

/** The second of a name and so on have its number. @throws MillraceError `E_ID_INVALID` */
export const checkApproval = (name: string): string =>
  checkId("approval", String(name).replace(/#[1-9]\d*$/, ""));

/** @throws MillraceError `E_OPTION_INVALID` */
export function readDecision(option: string, raw: Decision): Decision {
  const { approved, by, comment } = callOptions(option, raw, ["approved", "by", "comment"]);
  if (typeof approved !== "boolean")
    throw invalidOption(`${option}.approved`, "must be true or false");
  return checkDecision({
    approved,
    by: by as string,
    ...(comment === undefined ? {} : { comment }),
  });
}

function checkDecision({ approved, by, comment }: Decision): Decision {
  if (!isName(by)) {
    throw invalidOption("by", `say who decides, in 1 to ${NAME_CHARS_MAX} characters`);
  }
  if (comment === undefined) return { approved, by };
  return { approved, by, comment: textOption("comment", comment, limits.errorMessageCharsMax) };
}

const ENDING: ReadonlySet<string> = new Set(["cancelling", "compensating"]);

const refused = (run: string, message: string): MillraceError =>
  new MillraceError("E_COMMAND_REFUSED", message, { details: { run } });

/** See `Client.pendingApprovals`. */
export async function pendingApprovals(
  engine: Engine,
  approvals: Projector<OpenApprovals>,
  summaries: Projector<RunSummaries>,
  options: PendingOptions,
): Promise<readonly PendingApproval[]> {
  const given = callOptions("pendingApprovals()", options, ["workflow", "by", "limit"]);
  const { workflow, by } = given;
  const limit = wholeOption("limit", given.limit ?? 100, 0);
  if (workflow !== undefined) checkId("workflow name", workflow);
  const found = new Map<string, PendingApproval>();
  const add = (one: PendingApproval): void => void found.set(`${one.run} ${one.name}`, one);
  for (const [run, { workflow, open }] of await approvals.current()) {
    for (const [name, asked] of open) add(pending(run, workflow, name, asked));
  }
  for (const state of await liveForks(engine, summaries)) {
    for (const [name, { approval, since, due }] of Object.entries(state.run.context.waits)) {
      if (approval === undefined) continue;
      add(pending(state.id, state.run.context.workflow, name, { ...approval, since, due }));
    }
  }
  return [...found.values()]
    .filter((one) => workflow === undefined || one.workflow === workflow)
    .filter(({ approvers }) => by === undefined || (approvers?.includes(by) ?? true))
    .sort((a, b) => a.since - b.since || (a.run < b.run ? -1 : 1))
    .slice(0, limit);
}

const pending = (
  run: string,
  workflow: string,
  name: string,
  asked: Omit<PendingApproval, "run" | "workflow" | "name" | "approvers"> & {
    readonly approvers?: readonly string[];
  },
): PendingApproval => {
  const { prompt, approvers = null, since, due, onTimeout } = asked;
  return { run, workflow, name, prompt, approvers, since, due, onTimeout };
};

/** A fork waits for what its origin waited for at that place, and its own log does not say so. */
async function liveForks(engine: Engine, summaries: Projector<RunSummaries>): Promise<RunState[]> {
  const forks = [...(await summaries.current()).values()].filter(
    (summary) => summary.forkOf !== null && !hasEnded(summary),
  );
  const states = await Promise.all(forks.map(({ run }) => loadRun(engine, run)));
  return states.filter((state) => !isTerminal(state));
}
