/**
 * What guests want recorded: it goes into the inbox of their run, and its host says what became of it. A
 * host may die after its commit and before its word: then the log itself is asked.
 */
import { openFrame } from "../../events/frame.ts";
import type { MillraceEvent, NoteEvent } from "../../events/vocabulary.ts";
import { awaitedLater, type Deferred, deferred } from "../../kernel/async.ts";
import type { CancelTimer } from "../../kernel/clock.ts";
import { MillraceError } from "../../kernel/errors.ts";
import { limits } from "../../kernel/limits.ts";
import type { Noted } from "../attempts/noted.ts";
import type { Engine } from "../engine.ts";
import type { Go, Recorded } from "./node-mail.ts";
import { tellRun } from "./run-mail.ts";

/** One note that has been posted. */
interface Posted {
  readonly run: string;
  readonly noted: Noted;
  readonly position: number;
  readonly done: Deferred<NoteEvent>;
}

/** Notes of all guests of this process, until their fate is known. */
export class NoteWaits {
  readonly #engine: Engine;
  readonly #waiting = new Map<string, Deferred<NoteEvent>>();

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /**
   * Resolves with the event once it is committed.
   * @throws MillraceError `E_CTX_CLOSED` when the attempt has ended before
   */
  async record({ run, step, attempt, grant }: Go, noted: Noted): Promise<NoteEvent> {
    const { node, world } = this.#engine;
    const id = world.ids();
    const done = deferred<NoteEvent>();
    this.#waiting.set(id, done);
    // Everything may be called off while the note is still on its way.
    const answer = awaitedLater(done.promise);
    let stop: CancelTimer = () => undefined;
    const lookLater = (posted: Posted): void => {
      stop = world.clock.after(limits.noteAnswerMs, () => {
        this.#look(posted).then((known) => {
          if (!known) lookLater(posted);
        }, done.reject);
      });
    };
    try {
      const note = { kind: "note", id, node, step, attempt, grant, noted } as const;
      lookLater({ run, noted, position: await tellRun(this.#engine, run, note), done });
      return await answer;
    } finally {
      stop();
      this.#waiting.delete(id);
    }
  }

  /** The host has said what became of it. */
  answered(mail: Recorded): void {
    const waiting = this.#waiting.get(mail.note);
    if ("event" in mail) waiting?.resolve(mail.event);
    else waiting?.reject(new MillraceError("E_CTX_CLOSED", mail.error.message));
  }

  /** Nobody waits any more. */
  abort(reason: MillraceError): void {
    for (const waiting of this.#waiting.values()) waiting.reject(reason);
  }

  /** False: the log does not say yet what became of it. */
  async #look({ run, noted, position, done }: Posted): Promise<boolean> {
    const { store, codecs } = this.#engine;
    for await (const stored of store.log.read({ run })) {
      const { frame } = openFrame(run, stored.bytes, codecs);
      // What was taken from the inbox stands in the frame that says so.
      if (frame.inbox < position) continue;
      const event = frame.events.find((one): one is NoteEvent => isOf(noted, one));
      if (event !== undefined) done.resolve(event);
      else done.reject(new MillraceError("E_CTX_CLOSED", `${noted.type} came after its attempt`));
      return true;
    }
    return false;
  }
}

/** Whether the event is what the note became. */
const isOf = (noted: Noted, event: MillraceEvent): boolean =>
  Object.entries(noted).every(
    ([name, value]) =>
      JSON.stringify(value) === JSON.stringify((event as unknown as Record<string, unknown>)[name]),
  );
