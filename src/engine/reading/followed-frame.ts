/** A stored frame as it is handed to all who follow it: opened once, when the first one asks. */
import { freeze } from "immer";
import { type Opened, openFrame } from "../../events/frame.ts";
import { recordedEvents } from "../../events/recorded.ts";
import type { RecordedEvent } from "../../events/vocabulary.ts";
import type { StoredFrame } from "../../ports/event-log.ts";
import type { Engine } from "../engine.ts";

export class FollowedFrame {
  readonly stored: StoredFrame;
  readonly #codecs: Engine["codecs"];
  #opened: Opened | undefined;
  #events: readonly RecordedEvent[] | undefined;

  constructor({ codecs }: Engine, stored: StoredFrame) {
    this.#codecs = codecs;
    this.stored = stored;
  }

  /** @throws MillraceError `E_FRAME_INVALID` */
  get opened(): Opened {
    const { run, bytes } = this.stored;
    this.#opened ??= openFrame(run, bytes, this.#codecs);
    return this.#opened;
  }

  /**
   * Its events, frozen: every follower gets the same.
   * @throws MillraceError `E_FRAME_INVALID`
   */
  get events(): readonly RecordedEvent[] {
    this.#events ??= freeze(recordedEvents(this.stored, this.opened.frame), true);
    return this.#events;
  }
}
