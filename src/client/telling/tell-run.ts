/** What a run is told from outside: signals and requests, each durable in its inbox before it counts. */
import type { Chain } from "../../../machines/run-data.ts";
import { isDriven, isTerminal, type RunState } from "../../domain/state.ts";
import { asHint } from "../../engine/as-hint.ts";
import type { Engine } from "../../engine/engine.ts";
import { newestOf } from "../../engine/hosting/chain.ts";
import { encodeInput, type Input } from "../../engine/turn/input.ts";
import { readJson, toValue } from "../../engine/values/values.ts";
import { openFrame } from "../../events/frame.ts";
import { type Duration, millis } from "../../kernel/duration.ts";
import { isMillraceError, MillraceError } from "../../kernel/errors.ts";
import { checkId } from "../../kernel/ids.ts";
import { limits } from "../../kernel/limits.ts";
import { existingRun } from "../existing-run.ts";
import { callOptions, textOption } from "../options.ts";

/** What is recorded with whatever somebody asks of a run. */
export interface RequestOptions {
  /** @default "asked to" */
  readonly reason?: string;
  /** Who asks. @default the id of this process */
  readonly by?: string;
}

/** How a run is cancelled. */
export interface CancelOptions extends RequestOptions {
  /** How long steps may take to end by themselves. @default as the workflow says, else "5s" */
  readonly grace?: Duration;
}

/** Who asked, as recorded. */
const BY_CHARS_MAX = 256;

/** See `Client.signal`. */
export async function sendSignal(
  engine: Engine,
  run: string,
  name: string,
  payload: unknown,
  options: { id?: string },
): Promise<void> {
  const { id = engine.world.ids() } = callOptions("signal()", options, ["id"]);
  checkId("run id", run);
  checkId("signal name", name);
  checkId("signal id", id);
  const what = `payload of signal ${name}`;
  // Copied before anything is waited for: the caller may go on to change it.
  const json = readJson(what, payload);
  const taker = await takerOf(engine, run, id);
  if (taker === undefined) return;
  const value = await toValue(engine.store.blobs, what, json);
  await postInput(engine, taker, { kind: "signal", id, name, payload: value });
}

/**
 * Who asks, and why, as recorded.
 * @throws MillraceError `E_OPTION_INVALID`
 */
export function whoAndWhy(
  engine: Engine,
  given: RequestOptions,
): { readonly by: string; readonly reason: string } {
  return {
    by: textOption("by", given.by ?? engine.node, BY_CHARS_MAX),
    reason: textOption("reason", given.reason ?? "asked to", limits.errorMessageCharsMax),
  };
}

/**
 * Asks the run, or the one that goes on for it, for something, unless it is past that.
 * @throws MillraceError `E_RUN_NOT_FOUND`, `E_OPTION_INVALID`, `E_COMMAND_REFUSED`
 */
export async function request(
  engine: Engine,
  kind: "cancel" | "pause" | "resume",
  asked: string,
  options: CancelOptions,
): Promise<void> {
  const known = ["reason", "by", ...(kind === "cancel" ? (["grace"] as const) : [])] as const;
  const given = callOptions(`${kind}()`, options, known);
  const told = whoAndWhy(engine, given);
  const grace = given.grace === undefined ? {} : { graceMs: millis("grace", given.grace) };
  const state = await newestRun(engine, asked);
  const { id: run } = state;
  demandAlive(state, kind);
  if (state.run.state === "compensating") {
    throw new MillraceError(
      "E_COMMAND_REFUSED",
      `run ${run} is undoing what it did, and ends by itself; it cannot ${kind} any more, only be terminated`,
      { details: { run, status: state.run.state } },
    );
  }
  const id = engine.world.ids();
  await postInput(
    engine,
    run,
    kind === "cancel" ? { kind, id, ...told, ...grace } : { kind, id, ...told },
  );
}

/**
 * The run, or the one that goes on for it.
 * @throws MillraceError `E_RUN_NOT_FOUND`, `E_ID_INVALID`
 */
export async function newestRun(engine: Engine, asked: string): Promise<RunState> {
  const state = await existingRun(engine, asked);
  if (state.run.context.next === null) return state;
  return existingRun(engine, (await newestOf(engine, asked)).run);
}

/**
 * @param verb what is asked of the run, for the message
 * @throws MillraceError `E_COMMAND_REFUSED` when the run has ended, or has no host who could do it
 */
export function demandAlive(state: RunState, verb: string): void {
  const { id: run } = state;
  if (isDriven(state)) {
    throw new MillraceError(
      "E_COMMAND_REFUSED",
      `run ${run} is driven by hand, through a store; nobody hosts it who could ${verb} it`,
      { details: { run } },
    );
  }
  if (isTerminal(state) && state.run.context.next === null) {
    throw new MillraceError("E_COMMAND_REFUSED", `run ${run} has ended (${state.run.state})`, {
      details: { run, status: state.run.state },
    });
  }
}

/**
 * Who is to get a signal for the run: itself, or the newest that goes on for it. Undefined when that one has
 * ended and took the signal before: sending it again is no news.
 * @throws MillraceError `E_COMMAND_REFUSED` when it has ended and did not
 */
export async function takerOf(
  engine: Engine,
  run: string,
  signal: string,
): Promise<string | undefined> {
  const newest = await newestOf(engine, run);
  if (!newest.ended || newest.next !== undefined) return newest.run;
  const { taken } = (await existingRun(engine, newest.run)).run.context;
  if (Object.hasOwn(taken, signal)) return undefined;
  const ended = `run ${newest.run} has ended; it takes no signal any more`;
  throw new MillraceError("E_COMMAND_REFUSED", ended, { details: { run: newest.run } });
}

/** Puts an input into the run's inbox, and sees to it that somebody takes it. */
export async function postInput(engine: Engine, run: string, input: Input): Promise<void> {
  const id = checkId("run id", run);
  const { inbox, queue } = engine.store;
  const place = await placeOf(engine, id);
  const told = encodeInput({ ...input, at: engine.world.clock.now() });
  await inbox.post(place?.inbox ?? id, told);
  await asHint(engine, id, async () => {
    // It may have been begun meanwhile. One that does not exist has its inbox read by its first host anyway.
    const { workflow } = place ?? (await placeOf(engine, id)) ?? {};
    // A run that another goes on for passes its ticket on.
    if (workflow !== undefined) await queue.offer({ workflow, run: id });
  });
}

/** What the run's first frame says; undefined while it does not exist. */
async function placeOf(
  engine: Engine,
  run: string,
): Promise<{ readonly workflow: string; readonly inbox: string } | undefined> {
  for await (const { workflow, bytes } of engine.store.log.read({ run, limit: 1 })) {
    return { workflow, inbox: chainOf(engine, run, bytes)?.first ?? run };
  }
  return undefined;
}

/** A damaged frame tells nothing here: whoever hosts the run, or looks at it, is told. */
function chainOf(engine: Engine, run: string, bytes: Uint8Array): Chain | undefined {
  try {
    const [created] = openFrame(run, bytes, engine.codecs).frame.events;
    return created?.type === "run.created" ? created.chain : undefined;
  } catch (error) {
    if (isMillraceError(error, "E_FRAME_INVALID")) return undefined;
    throw error;
  }
}
