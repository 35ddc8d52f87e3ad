/**
 * Which runs have the labels that a subscription asks for. A run has its labels from its first event
 * on, so its first frame tells; the answers for the runs heard of last are kept.
 */
import type { FollowedFrame } from "../../engine/reading/followed-frame.ts";
import type { LogFeed } from "../../engine/reading/log-feed.ts";
import { mayHold, openFrame } from "../../events/frame.ts";
import type { MillraceEvent } from "../../events/vocabulary.ts";

/** Runs whose answer is kept; of others the first frame is read once more. */
const KEPT = 10_000;
const CREATED = ["run.created"];

export class RunLabels {
  readonly #feed: LogFeed;
  readonly #wanted: readonly (readonly [name: string, value: string])[];
  /** The longest unused first. */
  readonly #known = new Map<string, boolean>();

  constructor(feed: LogFeed, wanted: readonly (readonly [name: string, value: string])[]) {
    this.#feed = feed;
    this.#wanted = wanted;
  }

  /**
   * Whether the run of this frame has the labels.
   * @throws MillraceError `E_FRAME_INVALID` when the frame that would tell is damaged
   */
  async match(frame: FollowedFrame): Promise<boolean> {
    if (this.#wanted.length === 0) return true;
    const { run, bytes } = frame.stored;
    // A run that was erased may have begun anew, with other labels.
    const first = mayHold(bytes, CREATED) ? frame.opened.frame.events : undefined;
    const known = this.#matches(first) ?? this.#known.get(run) ?? (await this.#read(run));
    this.#known.delete(run);
    this.#known.set(run, known);
    if (this.#known.size > KEPT) {
      const [oldest] = this.#known.keys();
      if (oldest !== undefined) this.#known.delete(oldest);
    }
    return known;
  }

  async #read(run: string): Promise<boolean> {
    const { store, codecs } = this.#feed.engine;
    for await (const { bytes } of store.log.read({ run, limit: 1 })) {
      return this.#matches(openFrame(run, bytes, codecs).frame.events) ?? false;
    }
    return false;
  }

  /** Undefined when the events do not tell. */
  #matches(events: readonly MillraceEvent[] | undefined): boolean | undefined {
    const created = events?.find((event) => event.type === "run.created");
    if (created?.type !== "run.created") return undefined;
    const { labels = {} } = created;
    return this.#wanted.every(
      ([name, value]) => Object.hasOwn(labels, name) && labels[name] === value,
    );
  }
}
