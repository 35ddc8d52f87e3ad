/**
 * What goes into the commit that claims a run: that this process hosts it, what it lacked if it was started by
 * the name of its workflow only, and what was running with the host before.
 */
import { toFailure } from "../../events/failure.ts";
import type { Claim } from "../../ports/work-queue.ts";
import { admissionOf } from "../../workflow/flow.ts";
import { validate } from "../../workflow/schema.ts";
import { rethrowAway } from "../away.ts";
import { remoteNodes } from "../nodes/remotes.ts";
import type { Draft } from "../turn/draft.ts";
import { loseRunning } from "../turn/take.ts";
import type { TurnContext } from "../turn/turn-context.ts";
import { fromValue, handOut, toValue } from "../values/values.ts";

/** What is known of a claim before it is recorded. */
export interface ClaimFacts {
  /** Its token is what a peer needs to give the ticket back when this process is dead. */
  readonly claim: Pick<Claim, "token">;
  /** The run was held back, and may begin now. */
  readonly admitted: boolean;
}

/** Adds the claim to the draft, and what it brings with it. */
export async function claimRun(
  context: TurnContext,
  draft: Draft,
  { claim, admitted }: ClaimFacts,
): Promise<void> {
  const { state, now } = draft;
  const there = await context.cluster.thereOf(remoteNodes(state));
  draft.run({ type: "cmd.claim", now, node: context.engine.node, lease: claim.token });
  if (admitted) draft.run({ type: "cmd.admit", now });
  if (!state.run.context.planned && state.run.state === "running") await planRun(context, draft);
  // A function that is run again must first come to where its lost steps are.
  await context.driver?.replay(state);
  loseRunning(context, draft, there);
}

/** Freezes the plan into the draft; an input that does not fit the workflow fails the run. */
async function planRun({ engine, workflow }: TurnContext, draft: Draft): Promise<void> {
  const { state, now } = draft;
  const { input: recorded, deadline } = state.run.context;
  const { plan, timeoutMs, input: schema } = workflow;
  const { blobs } = engine.store;
  const limit = timeoutMs === undefined || deadline !== null ? {} : { deadline: now + timeoutMs };
  const what = `input of ${workflow.name}`;
  try {
    const given = handOut(await fromValue(blobs, recorded, state));
    const checked = schema === undefined ? undefined : await validate(schema, what, given);
    const input = schema === undefined ? {} : { input: await toValue(blobs, what, checked) };
    const found = admissionOf(workflow, schema === undefined ? given : checked);
    const admission = found === undefined ? {} : { admission: found };
    draft.run({ type: "cmd.plan", now, plan, ...input, ...limit, ...admission });
  } catch (thrown) {
    rethrowAway(thrown);
    draft.run({ type: "cmd.plan", now, plan, ...limit });
    draft.fail(toFailure(thrown));
  }
}
