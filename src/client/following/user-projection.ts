/**
 * Views of users' own: a pure fold over recorded events, kept up to date from the log like millrace's own
 * views, saved beside it, and rebuilt from nothing whenever that is wanted.
 */
import type { LogFeed } from "../../engine/reading/log-feed.ts";
import { Projector } from "../../engine/reading/projector.ts";
import { type RebuildOptions, type Rebuilt, rebuild } from "../../engine/reading/rebuild.ts";
import { recordedEvents } from "../../events/recorded.ts";
import type { EventType, RecordedEvent } from "../../events/vocabulary.ts";
import { checkId } from "../../kernel/ids.ts";
import { covers } from "../../ports/cursor.ts";
import type { Projection } from "../../projections/projection.ts";
import { callOptions, invalidOption, wholeOption } from "../options.ts";
import { checkFilter } from "./event-filter.ts";

/** A fold over recorded events. `V`: the view, JSON unless `save` and `restore` make it so. */
export interface ProjectionDefinition<V> {
  /** Names its saved copies: 1 to 64 of `A-Z a-z 0-9 _ -`, the first a letter or digit. */
  readonly name: string;
  /** Another one begins anew: raise it whenever `apply` would have led elsewhere. @default 1 */
  readonly version?: number;
  /** The view before the first event. */
  initial(): V;
  /**
   * Folds one event, in place or by returning the next view. Events come in the order of the log, each once;
   * of several partitions those of a run in theirs, and different runs in any. Must be pure: the same events
   * lead to the same view.
   */
  apply(view: V, event: RecordedEvent): V | undefined;
  /** Takes out what an erased run left here. @default it stays, until the view is rebuilt */
  forget?(view: V, run: string): V | undefined;
  /** Only events of these types are folded. @default all */
  readonly types?: readonly EventType[];
  /** The view as JSON. @default the view itself */
  save?(view: V): unknown;
  /** The view again. @default what was saved */
  restore?(saved: unknown): V;
}

const OPTIONS = [
  "name",
  "version",
  "initial",
  "apply",
  "forget",
  "types",
  "save",
  "restore",
] as const;
const NAME_CHARS_MAX = 64;

/**
 * Checks a definition when the program starts, instead of when it is first used.
 * @throws MillraceError `E_OPTION_INVALID`, `E_ID_INVALID`
 */
export function defineProjection<V>(definition: ProjectionDefinition<V>): ProjectionDefinition<V> {
  const read = callOptions("defineProjection()", definition, OPTIONS);
  if (checkId("projection name", read.name).length > NAME_CHARS_MAX) {
    throw invalidOption("name", `at most ${NAME_CHARS_MAX} characters`);
  }
  wholeOption("version", read.version ?? 1, 0);
  const demanded = new Set<string>(["initial", "apply"]);
  for (const method of ["initial", "apply", "forget", "save", "restore"] as const) {
    const given = read[method];
    const isMissing = given === undefined && !demanded.has(method);
    if (!isMissing && typeof given !== "function")
      throw invalidOption(method, "must be a function");
  }
  checkFilter(read.types === undefined ? {} : { types: read.types });
  if ((read.save === undefined) !== (read.restore === undefined)) {
    throw invalidOption("restore", "save and restore belong together");
  }
  return Object.freeze({ ...definition });
}

/** What is folded in place: users may also return the next view. */
interface Held<V> {
  view: V;
}

/** The definition as the engine's projectors take it. */
function projectionOf<V>(definition: ProjectionDefinition<V>): Projection<Held<V>> {
  const { name, version = 1, types } = definition;
  const wanted = types === undefined ? undefined : new Set<string>(types);
  return {
    name: `user-${name}`,
    version,
    initial: () => ({ view: definition.initial() }),
    apply(held, { place, opened }) {
      if ("damaged" in opened) return;
      for (const event of recordedEvents(place, opened.frame)) {
        if (wanted !== undefined && !wanted.has(event.type)) continue;
        held.view = definition.apply(held.view, event) ?? held.view;
      }
    },
    forget(held, run) {
      held.view = definition.forget?.(held.view, run) ?? held.view;
    },
    save: ({ view }) => (definition.save === undefined ? view : definition.save(view)),
    restore: (saved) => ({
      view: definition.restore === undefined ? (saved as V) : definition.restore(saved),
    }),
  };
}

/** A view of a user's own, in this process. */
export class UserProjection<V> {
  readonly #feed: LogFeed;
  readonly #projection: Projection<Held<V>>;
  #projector: Projector<Held<V>>;

  constructor(feed: LogFeed, definition: ProjectionDefinition<V>) {
    this.#feed = feed;
    this.#projection = projectionOf(defineProjection(definition));
    this.#projector = new Projector(feed.engine, this.#projection);
  }

  /**
   * The view, true up to the newest event at the moment of the call or later. One that is folded in place
   * changes with later calls: take from it what you need before you wait for anything.
   * @throws whatever `apply` throws, and `E_STORE_CLOSED`
   */
  async current(): Promise<V> {
    return (await this.#projector.current()).view;
  }

  /**
   * The view now, then again whenever events have come; several that come together lead to one. Ends when
   * `signal` aborts.
   */
  async *live(options: { readonly signal?: AbortSignal } = {}): AsyncGenerator<V, void, undefined> {
    const { signal = new AbortController().signal } = callOptions("live()", options, ["signal"]);
    const { log } = this.#feed.engine.store;
    let upTo = await log.head();
    yield await this.current();
    for await (const { stored } of this.#feed.frames({}, upTo, signal)) {
      if (covers(upTo, stored.position)) continue;
      upTo = await log.head();
      yield await this.current();
    }
  }

  /** Saves a copy, so that the next process need not fold the whole log. Done by itself now and then. */
  save(): Promise<void> {
    return this.#projector.save(true);
  }

  /** Folds the whole log again, and says whether what was saved was true (`verify`). */
  async rebuild(options: RebuildOptions = {}): Promise<Rebuilt | undefined> {
    const [rebuilt] = await rebuild(this.#feed.engine, [this.#projection], options);
    this.#projector = new Projector(this.#feed.engine, this.#projection);
    return rebuilt;
  }
}
