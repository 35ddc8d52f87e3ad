/**
 * Runs and steps as XState actors. The reference runs the very machine of `machines/`; it is fed with
 * committed events only, and `send` takes commands, which go into the run's inbox like any other
 * input: its host decides. So XState's tools and inspector show what is true, and nothing else.
 */
import { type ActorRefFrom, createActor } from "xstate";
import { runMachine } from "../../../machines/run.ts";
import type { RunCommand } from "../../../machines/run-data.ts";
import { stepMachine } from "../../../machines/step.ts";
import type { StepCommand } from "../../../machines/step-data.ts";
import type { Value } from "../../../machines/values.ts";
import { itemOf } from "../../domain/plan.ts";
import { stepActor } from "../../domain/state.ts";
import type { Engine } from "../../engine/engine.ts";
import { loadRun } from "../../engine/reading/history.ts";
import type { LogFeed } from "../../engine/reading/log-feed.ts";
import type { Input } from "../../engine/turn/input.ts";
import type { RecordedEvent } from "../../events/vocabulary.ts";
import { isMillraceError, MillraceError } from "../../kernel/errors.ts";
import { checkId } from "../../kernel/ids.ts";
import { toJson } from "../../kernel/json.ts";
import { limits } from "../../kernel/limits.ts";
import { textOption } from "../options.ts";
import { runEvents } from "./follow-run.ts";

/** A run as an XState actor. */
export type LiveRun = ActorRefFrom<typeof runMachine>;
/** A step as an XState actor. */
export type LiveStep = ActorRefFrom<typeof stepMachine>;

type Post = (run: string, input: Input) => Promise<void>;

/** An actor that follows the run's committed events; its `send` goes into the run's inbox. */
export async function liveRun(feed: LogFeed, run: string, post: Post): Promise<LiveRun> {
  const { engine } = feed;
  const state = await loadRun(engine, run);
  const { state: value, context } = state.run;
  const snapshot = runMachine.resolveState({ value: value as "pending", context });
  const actor = createActor(runMachine, { id: run, snapshot, input: { id: run } });
  return follow(feed, run, state.cursor.head, actor, {
    translate: (event) => ("step" in event ? undefined : event),
    send: (command) => post(run, runInput(engine, command as RunCommand)),
  });
}

/** An actor that follows one step's committed events; its `send` goes into the run's inbox. */
export async function liveStep(
  feed: LogFeed,
  run: string,
  step: string,
  post: Post,
): Promise<LiveStep> {
  const { engine } = feed;
  const state = await loadRun(engine, run);
  const { state: value, context } = stepActor(state, step);
  const snapshot = stepMachine.resolveState({ value: value as "pending", context });
  const input = { id: step, maxAttempts: context.maxAttempts };
  const actor = createActor(stepMachine, { id: `${run}/${step}`, snapshot, input });
  return follow(feed, run, state.cursor.head, actor, {
    translate: (event) => stepEvent(step, event),
    send: (command) => post(run, stepInput(engine, step, command as StepCommand)),
  });
}

/** What an event of the run is to one of its steps. Items become pending by their mapped step's event. */
function stepEvent(step: string, event: RecordedEvent): { readonly type: string } | undefined {
  if ("step" in event && event.step === step) return event;
  const item = itemOf(step);
  if (event.type !== "step.mapped" || event.step !== item?.step || item.index >= event.count) {
    return undefined;
  }
  return { ...event, type: "step.scheduled", step } as { readonly type: string };
}

/** The part of an XState actor that this file touches. */
interface Followed {
  send: (event: never) => void;
  start(): unknown;
  getSnapshot(): { status: string };
  subscribe(observer: { complete: () => void }): unknown;
}

interface Follower {
  /** The event as the actor takes it; undefined: it is none of the actor's. */
  translate(event: RecordedEvent): { readonly type: string } | undefined;
  send(command: { type: string }): Promise<void>;
}

function follow<A extends Followed>(
  feed: LogFeed,
  run: string,
  after: number,
  actor: A,
  { translate, send }: Follower,
): A {
  const { logger } = feed.engine;
  const stop = new AbortController();
  const committed = actor.send as (event: { type: string }) => void;
  const log = (what: string) => (error: unknown) => {
    if (isMillraceError(error, "E_STORE_CLOSED")) return;
    logger.error(what, { run, error: String(error) });
  };
  actor.send = (command: { type: string }) => {
    if (actor.getSnapshot().status !== "active") throw ended(command.type);
    send(command).catch(log("a command sent to an actor was not taken"));
  };
  actor.subscribe({ complete: () => stop.abort() });
  actor.start();
  const following = async (): Promise<void> => {
    for await (const event of runEvents(feed, run, after, stop.signal)) {
      const mine = stop.signal.aborted ? undefined : translate(event);
      if (mine !== undefined) committed(mine);
    }
  };
  following().catch(log("an actor does not follow its run any more"));
  return actor;
}

/** @throws MillraceError `E_COMMAND_REFUSED`, and what a signal or a cancellation is refused with */
function runInput(engine: Engine, command: RunCommand): Input {
  const id = engine.world.ids();
  switch (command.type) {
    case "cmd.cancel": {
      const { until } = command;
      const now = engine.world.clock.now();
      const grace = until === undefined ? {} : { graceMs: Math.max(0, until - now) };
      return {
        kind: "cancel",
        id,
        by: text("by", command.by),
        reason: reasonOf(command),
        ...grace,
      };
    }
    case "cmd.terminate":
      return { kind: "terminate", id, by: text("by", command.by), reason: reasonOf(command) };
    case "cmd.pause":
      return { kind: "pause", id, by: text("by", command.by), reason: reasonOf(command) };
    case "cmd.resume":
      return { kind: "resume", id, by: text("by", command.by), reason: "asked to" };
    case "cmd.signal":
      return {
        kind: "signal",
        id: checkId("signal id", command.signal),
        name: checkId("signal name", command.name),
        payload: inline(command.payload),
      };
    default:
      throw internal(command.type);
  }
}

function stepInput(engine: Engine, step: string, command: StepCommand): Input {
  const id = engine.world.ids();
  switch (command.type) {
    case "cmd.cancel":
      return { kind: "step", id, step, command: command.type, reason: reasonOf(command) };
    case "cmd.skip": {
      const by = command.by === undefined ? {} : { by: text("by", command.by) };
      const output = command.output === undefined ? {} : { output: inline(command.output) };
      const reason = reasonOf(command);
      return { kind: "step", id, step, command: command.type, reason, ...by, ...output };
    }
    case "cmd.retry": {
      const { attempts } = command;
      const input = command.input === undefined ? {} : { input: inline(command.input) };
      const told = { by: text("by", command.by), reason: reasonOf(command) };
      return { kind: "step", id, step, command: command.type, ...told, attempts, ...input };
    }
    case "cmd.give_up": {
      const told = { by: text("by", command.by), reason: reasonOf(command) };
      return { kind: "step", id, step, command: command.type, ...told };
    }
    default:
      throw internal(command.type);
  }
}

const text = (option: string, value: unknown): string =>
  textOption(option, value, limits.errorMessageCharsMax);

const reasonOf = (command: { readonly reason: string }): string => text("reason", command.reason);

/** What is sent to an actor is sent at once: there is no time to put it into the blob store. */
function inline(payload: Value): Value {
  const json = toJson("payload", "json" in payload ? payload.json : undefined);
  if (Buffer.byteLength(JSON.stringify(json)) <= limits.valueInlineBytesMax) return { json };
  throw new MillraceError(
    "E_TOO_LARGE",
    "the payload is too large for an actor; send it with `handle.signal()`",
  );
}

const ended = (type: string): MillraceError =>
  new MillraceError("E_COMMAND_REFUSED", `${type}: the actor has ended or was stopped`);

const internal = (type: string): MillraceError =>
  new MillraceError(
    "E_COMMAND_REFUSED",
    `${type} is given by a run's host only; from outside, a run takes cmd.cancel, cmd.terminate, cmd.pause, cmd.resume and cmd.signal, a step cmd.cancel, cmd.skip, cmd.retry and cmd.give_up`,
  );
