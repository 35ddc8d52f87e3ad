/** One run, as a program holds it. */
import type { Failure } from "../../machines/values.ts";
import type { Explanation } from "../domain/explain.ts";
import { newestOf } from "../engine/hosting/chain.ts";
import { loadRun } from "../engine/reading/history.ts";
import type { LogFeed } from "../engine/reading/log-feed.ts";
import { ENOUGH } from "../engine/reading/shared-tail.ts";
import type { Input } from "../engine/turn/input.ts";
import { valuesOf } from "../engine/values/kept-values.ts";
import { fromValue } from "../engine/values/values.ts";
import type { EventType, RecordedEvent } from "../events/vocabulary.ts";
import { millis } from "../kernel/duration.ts";
import { MillraceError } from "../kernel/errors.ts";
import type { EventOf } from "./following/event-filter.ts";
import { type LiveRun, type LiveStep, liveRun, liveStep } from "./following/live-actor.ts";
import type { SubscribeOptions } from "./following/subscribe.ts";
import type { RunView } from "./looking/run-view.ts";
import { callOptions } from "./options.ts";
import { runEnd } from "./starting/run-end.ts";
import type { DecisionOptions } from "./telling/approvals.ts";
import type { CancelOptions, RequestOptions } from "./telling/tell-run.ts";

/** The client's calls about one run, which a handle makes with its own id. */
export interface RunCalls {
  get(run: string): Promise<RunView>;
  explain(run: string): Promise<Explanation>;
  subscribe<T extends EventType>(options: SubscribeOptions<T>): AsyncIterable<EventOf<T>>;
  signal(run: string, name: string, payload: unknown, options: { id?: string }): Promise<void>;
  approve(run: string, name: string, options: DecisionOptions): Promise<void>;
  reject(run: string, name: string, options: DecisionOptions): Promise<void>;
  cancel(run: string, options: CancelOptions): Promise<void>;
  terminate(run: string, options: RequestOptions): Promise<void>;
  pause(run: string, options: RequestOptions): Promise<void>;
  resume(run: string, options: RequestOptions): Promise<void>;
  post(run: string, input: Input): Promise<void>;
}

/** Which events of a run, from where on, and when to stop. */
export type EventsOptions<T extends EventType = EventType> = Pick<
  SubscribeOptions<T>,
  "types" | "steps" | "from" | "after" | "live" | "signal"
>;

/** How long to wait for a result. */
export interface ResultOptions {
  /** Gives up after so many ms; the run goes on. @default never */
  readonly timeoutMs?: number;
}

/** A run of which the id is known: it may be running anywhere, have ended, or not exist yet. */
export class RunHandle<O> {
  readonly id: string;
  readonly #client: RunCalls;
  readonly #feed: LogFeed;
  /** Nothing that the handle waits for is at or before this position. */
  readonly #after: number;

  constructor(client: RunCalls, feed: LogFeed, id: string, after: number) {
    this.#client = client;
    this.#feed = feed;
    this.id = id;
    this.#after = after;
  }

  /**
   * What the run returned, or the last of those that went on for it; waits for it.
   * @throws MillraceError `E_RUN_FAILED` (its cause is what failed), `E_RUN_CANCELLED`, `E_RUN_TERMINATED`,
   * `E_TIMEOUT`, `E_OPTION_INVALID`, `E_STORE_CLOSED`, `E_RUN_ERASED` (also while it waits)
   */
  async result(options: ResultOptions = {}): Promise<O> {
    const given = callOptions("result()", options, ["timeoutMs"]);
    const timeoutMs =
      given.timeoutMs === undefined ? undefined : millis("timeoutMs", given.timeoutMs);
    const stop = new AbortController();
    const { clock } = this.#feed.engine.world;
    const cancel =
      timeoutMs === undefined ? undefined : clock.after(timeoutMs, () => stop.abort(ENOUGH));
    try {
      let end = await runEnd(this.#feed, this.id, this.#after, stop.signal);
      // Another run goes on for it, and maybe another for that one.
      while (end?.type === "run.continued") {
        const { run } = await newestOf(this.#feed.engine, end.next);
        end = await runEnd(this.#feed, run, 0, stop.signal);
      }
      if (end !== undefined) return (await this.#outcome(end)) as O;
    } finally {
      cancel?.();
      stop.abort(ENOUGH);
    }
    throw new MillraceError(
      "E_TIMEOUT",
      `run ${this.id} has not ended within ${timeoutMs} ms; it goes on, look at it with \`millrace show ${this.id}\``,
      { details: { run: this.id } },
    );
  }

  /** The run as it is now. */
  get(): Promise<RunView> {
    return this.#client.get(this.id);
  }

  /** Why the run is not finished: see `Client.explain`. */
  explain(): Promise<Explanation> {
    return this.#client.explain(this.id);
  }

  /** The run's events: history, then live, until its end. See `Client.subscribe`. */
  events<const T extends EventType = EventType>(
    options: EventsOptions<T> = {},
  ): AsyncIterable<EventOf<T>> {
    const given = callOptions("events()", options, [
      "types",
      "steps",
      "from",
      "after",
      "live",
      "signal",
    ]);
    return this.#client.subscribe<T>({ ...given, run: this.id });
  }

  signal(name: string, payload?: unknown, options: { id?: string } = {}): Promise<void> {
    return this.#client.signal(this.id, name, payload, options);
  }

  /** Approves what the run asks people: see `Client.approve`. */
  approve(name: string, options: DecisionOptions): Promise<void> {
    return this.#client.approve(this.id, name, options);
  }

  reject(name: string, options: DecisionOptions): Promise<void> {
    return this.#client.reject(this.id, name, options);
  }

  /** Asks the run to stop: see `Client.cancel`. */
  cancel(options: CancelOptions = {}): Promise<void> {
    return this.#client.cancel(this.id, options);
  }

  /** Ends the run at once: see `Client.terminate`. */
  terminate(options: RequestOptions = {}): Promise<void> {
    return this.#client.terminate(this.id, options);
  }

  pause(options: RequestOptions = {}): Promise<void> {
    return this.#client.pause(this.id, options);
  }

  resume(options: RequestOptions = {}): Promise<void> {
    return this.#client.resume(this.id, options);
  }

  /**
   * The run, or one of its steps, as a real XState actor: its snapshot follows committed events, what
   * is sent to it goes through the commit path. Stop it when done.
   */
  actor(): Promise<LiveRun>;
  actor(step: string): Promise<LiveStep>;
  actor(step?: string): Promise<LiveRun | LiveStep> {
    const { id } = this;
    const post = this.#client.post.bind(this.#client);
    return step === undefined
      ? liveRun(this.#feed, id, post)
      : liveStep(this.#feed, id, step, post);
  }

  async #outcome(event: RecordedEvent): Promise<unknown> {
    switch (event.type) {
      case "run.completed": {
        if ("json" in event.output) return event.output.json;
        const { engine } = this.#feed;
        return fromValue(valuesOf(engine), event.output, await loadRun(engine, event.run));
      }
      case "run.failed":
        throw new MillraceError("E_RUN_FAILED", `run ${event.run} failed: ${event.error.message}`, {
          cause: causeOf(event.error),
          details: { run: event.run, code: event.error.code },
        });
      case "run.terminated":
        throw new MillraceError(
          "E_RUN_TERMINATED",
          `run ${event.run} was terminated by ${event.by}: ${event.reason}`,
          { details: { run: event.run, by: event.by } },
        );
      default:
        throw new MillraceError("E_RUN_CANCELLED", `run ${event.run} was cancelled`, {
          details: { run: event.run },
        });
    }
  }
}

/** A recorded failure as an error again, its chain of causes included. */
function causeOf(failure: Failure): Error {
  const cause = failure.cause === undefined ? undefined : causeOf(failure.cause);
  const error = new Error(failure.message, cause === undefined ? undefined : { cause });
  error.name = failure.code;
  if (failure.stack !== undefined) error.stack = failure.stack;
  return error;
}
