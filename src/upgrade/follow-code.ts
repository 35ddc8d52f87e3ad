/** The function of a code workflow, run along a recorded history: asked the same, it must ask the same. */
import { isDeepStrictEqual } from "node:util";
import { continueAtOf, type RunState } from "../domain/state.ts";
import { answerOf } from "../engine/turn/code-answers.ts";
import { fromValue, handOut } from "../engine/values/values.ts";
import { toFailure } from "../events/failure.ts";
import { microtasksDrained } from "../kernel/async.ts";
import { isMillraceError, MillraceError } from "../kernel/errors.ts";
import { type Json, toJson } from "../kernel/json.ts";
import type { BlobStore } from "../ports/blob-store.ts";
import type { CodeWorkflow } from "../workflow/definition.ts";
import { validate } from "../workflow/schema.ts";
import { type Call, CodeSession, type SessionEnd } from "../workflow/session.ts";
import type { Folded, HistoryDifference } from "./folded-history.ts";

/** How far the function came. */
interface Followed {
  readonly session: CodeSession;
  /** What it asked for beyond what is recorded. */
  readonly further: readonly Call[];
  readonly end: SessionEnd | undefined;
}

/** Differences between the history and what today's function does, the first one first. */
export async function followCode(
  workflow: CodeWorkflow,
  folded: Folded,
  blobs: BlobStore | undefined,
): Promise<readonly HistoryDifference[]> {
  const followed = await follow(workflow, folded, blobs ?? NO_BLOBS);
  const { end, session } = followed;
  session.stop();
  if (end?.ok === false && isMillraceError(end.error, "E_CODE_MISMATCH")) {
    return [mismatch(folded, end.error)];
  }
  const undone = [...lostUndos(folded, session)];
  return [...undone, ...(await endings(workflow, folded, followed, blobs ?? NO_BLOBS))];
}

async function follow(
  workflow: CodeWorkflow,
  { state }: Folded,
  blobs: BlobStore,
): Promise<Followed> {
  const { createdAt, input, tick } = state.run.context;
  const session = new CodeSession({
    workflow,
    input: handOut(await fromValue(blobs, input, state)),
    runId: state.id,
    tick: tick ?? undefined,
    recorded: state.calls,
    turn: microtasksDrained,
    continueAt: continueAtOf(state),
    now: createdAt,
  });
  let progress = await session.advance(undefined, createdAt);
  const further = [...progress.calls];
  for (const { key, at, seq } of state.answers) {
    if (progress.end !== undefined) break;
    progress = await session.advance(await answerOf(blobs, state, key), at, seq);
    further.push(...progress.calls);
  }
  return { session, further, end: progress.end };
}

function mismatch({ state, callSeqs }: Folded, error: MillraceError): HistoryDifference {
  const { expected } = error.details as { readonly expected?: string };
  const { message } = error;
  if (expected === undefined)
    return { what: "the function", seq: undefined, breaks: true, message };
  const seq = callSeqs[state.calls.indexOf(expected)];
  return { what: named(expected), seq, breaks: true, message };
}

/** Compensation needs the code of every undo that was recorded. */
function* lostUndos(
  { state, callSeqs }: Folded,
  session: CodeSession,
): Generator<HistoryDifference> {
  for (const step of state.canUndo) {
    if (session.body(step)?.body.undo !== undefined) continue;
    const message = `step ${step} was to be undone, and has no undo any more`;
    const seq = callSeqs[state.calls.indexOf(`step:${step}`)];
    yield { what: `step ${step}`, seq, breaks: true, message };
  }
}

/** Where all that is recorded was asked for alike: whether it stops there, or ends, alike. */
async function endings(
  workflow: CodeWorkflow,
  { state }: Folded,
  { further, end }: Followed,
  blobs: BlobStore,
): Promise<readonly HistoryDifference[]> {
  const { status, held } = { status: state.run.state, held: state.run.context.paused !== null };
  const goesOn = (status === "running" || status === "parked") && !held;
  const [next] = further;
  if (next !== undefined && (goesOn || status === "completed")) {
    const what = named(`${next.kind}:${next.id}`);
    const where = goesOn ? "the history stops" : "the run ended";
    return [differing(what, `the function asks for ${what} where ${where}`)];
  }
  const now = await endingNow(workflow, end);
  if (now === undefined) return [];
  const before = await endingThen(state, blobs);
  if (before === undefined && goesOn) return [differing("the end", `it ${told(now)} too early`)];
  if (before === undefined || isDeepStrictEqual(before, now)) return [];
  return [differing("the end", `it ${told(now)}, and in the history it ${told(before)}`)];
}

const differing = (what: string, message: string): HistoryDifference => ({
  what,
  seq: undefined,
  breaks: false,
  message,
});

/** What a function came to. */
type Ending = { readonly returned: Json } | { readonly threw: string };

async function endingNow(
  { name, output }: CodeWorkflow,
  end: SessionEnd | undefined,
): Promise<Ending | undefined> {
  if (end === undefined) return undefined;
  try {
    if (!end.ok) throw end.error;
    const what = `output of ${name}`;
    return { returned: toJson(what, await validate(output, what, end.value)) };
  } catch (thrown) {
    // Whatever the user's function throws is how it ends.
    return { threw: toFailure(thrown).message };
  }
}

async function endingThen(state: RunState, blobs: BlobStore): Promise<Ending | undefined> {
  const { output, error } = state.run.context;
  if (state.run.state === "completed" && output !== null) {
    return { returned: await fromValue(blobs, output, state) };
  }
  return state.run.state === "failed" && error !== null ? { threw: error.message } : undefined;
}

const told = (ending: Ending): string =>
  "threw" in ending ? `throws: ${ending.threw}` : `returns ${JSON.stringify(ending.returned)}`;

/** "step:charge" for people. */
const named = (call: string): string => call.replace(":", " ");

const withoutBlobs = (): never => {
  throw new MillraceError(
    "E_OPTION_INVALID",
    "blobs: the history refers to values that are too large for events; give checkHistory() the store's blobs",
    { details: { option: "blobs" } },
  );
};

/** For histories whose values are all inside their events. */
const NO_BLOBS: BlobStore = {
  put: withoutBlobs,
  get: withoutBlobs,
  has: withoutBlobs,
  delete: withoutBlobs,
  close: async () => undefined,
};
