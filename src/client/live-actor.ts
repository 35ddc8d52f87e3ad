/**
 * Runs and steps as XState actors. The reference runs the very machine of `machines/`; it is fed with
 * committed events only, and `send` takes commands, which go into the run's inbox like any other
 * input: its host decides. So XState's tools and inspector show what is true, and nothing else.
 */
import { type ActorRefFrom, createActor } from "xstate";
import { runMachine } from "../../machines/run.ts";
import type { RunCommand } from "../../machines/run-data.ts";
import { stepMachine } from "../../machines/step.ts";
import type { StepCommand } from "../../machines/step-data.ts";
import { stepActor } from "../domain/state.ts";
import type { Engine } from "../engine/engine.ts";
import { loadRun } from "../engine/history.ts";
import type { Input } from "../engine/input.ts";
import { MillraceError } from "../kernel/errors.ts";
import { runEvents } from "./subscribe.ts";

export type LiveRun = ActorRefFrom<typeof runMachine>;
export type LiveStep = ActorRefFrom<typeof stepMachine>;

type Post = (run: string, input: Input) => Promise<void>;

export async function liveRun(engine: Engine, run: string, post: Post): Promise<LiveRun> {
  const state = await loadRun(engine, run);
  const { state: value, context } = state.run;
  const snapshot = runMachine.resolveState({ value: value as "pending", context });
  const actor = createActor(runMachine, { id: run, snapshot, input: { id: run } });
  return follow(engine, run, state.cursor.head, actor, {
    isMine: (event) => !("step" in event),
    send: (command) => post(run, runInput(engine, command as RunCommand)),
  });
}

export async function liveStep(
  engine: Engine,
  run: string,
  step: string,
  post: Post,
): Promise<LiveStep> {
  const state = await loadRun(engine, run);
  const { state: value, context } = stepActor(state, step);
  const snapshot = stepMachine.resolveState({ value: value as "pending", context });
  const input = { id: step, maxAttempts: context.maxAttempts };
  const actor = createActor(stepMachine, { id: `${run}/${step}`, snapshot, input });
  return follow(engine, run, state.cursor.head, actor, {
    isMine: (event) => "step" in event && event.step === step,
    send: (command) => post(run, stepInput(engine, step, command as StepCommand)),
  });
}

/** The part of an XState actor that this file touches. */
interface Followed {
  send: (event: never) => void;
  start(): unknown;
  getSnapshot(): { status: string };
  subscribe(observer: { complete: () => void }): unknown;
}

interface Follower {
  isMine(event: { type: string }): boolean;
  send(command: { type: string }): Promise<void>;
}

function follow<A extends Followed>(
  engine: Engine,
  run: string,
  after: number,
  actor: A,
  { isMine, send }: Follower,
): A {
  const stop = new AbortController();
  const committed = actor.send as (event: { type: string }) => void;
  actor.send = (command: { type: string }) => {
    send(command).catch((error: unknown) => {
      engine.logger.error("a command sent to an actor was not taken", {
        run,
        error: String(error),
      });
    });
  };
  actor.subscribe({ complete: () => stop.abort() });
  actor.start();
  const feed = async (): Promise<void> => {
    for await (const event of runEvents(engine, run, after, { signal: stop.signal })) {
      if (isMine(event)) committed(event);
    }
  };
  feed().catch((error: unknown) => {
    engine.logger.error("an actor does not follow its run any more", { run, error: String(error) });
  });
  return actor;
}

function runInput(engine: Engine, command: RunCommand): Input {
  const id = engine.world.ids();
  switch (command.type) {
    case "cmd.cancel":
      return { kind: "cancel", id, by: command.by, reason: command.reason };
    case "cmd.pause":
      return { kind: "pause", id, by: command.by, reason: command.reason };
    case "cmd.resume":
      return { kind: "resume", id, by: command.by, reason: "asked to" };
    case "cmd.signal":
      return { kind: "signal", id: command.signal, name: command.name, payload: command.payload };
    default:
      throw internal(command.type);
  }
}

function stepInput(engine: Engine, step: string, command: StepCommand): Input {
  const id = engine.world.ids();
  switch (command.type) {
    case "cmd.cancel":
    case "cmd.skip":
      return { kind: "step", id, step, command: command.type, reason: command.reason };
    default:
      throw internal(command.type);
  }
}

const internal = (type: string): MillraceError =>
  new MillraceError(
    "E_COMMAND_REFUSED",
    `${type} is given by a run's host only; from outside, a run takes cmd.cancel, cmd.pause, cmd.resume and cmd.signal, a step cmd.cancel and cmd.skip`,
  );
