/** What reaches a run's mailbox. Taken in order; as many as wait go into one commit. */
import type { Failure } from "../../../machines/values.ts";
import type { StepPolicy } from "../../domain/plan.ts";
import type { NoteEvent } from "../../events/vocabulary.ts";
import type { Deferred } from "../../kernel/async.ts";
import type { StoredInput } from "../../ports/inbox.ts";
import type { AttemptOutcome } from "../attempts/attempt.ts";
import type { Noted } from "../attempts/noted.ts";
import type { Taking } from "../attempts/taking.ts";

/** The end of an attempt that ran in this process. */
export interface Report {
  readonly kind: "report";
  readonly step: string;
  readonly attempt: number;
  readonly outcome: AttemptOutcome;
  /** How the step is run: known when it began, whatever has become of its workflow's function since. */
  readonly policy: StepPolicy;
  /** What the attempt has taken, until this is recorded; absent: it has given that back. */
  readonly taking?: Taking;
}

/** Something a running attempt wants recorded; `done` settles when it is committed, or cannot be. */
export interface Note {
  readonly kind: "note";
  readonly step: string;
  readonly attempt: number;
  readonly noted: Noted;
  readonly done: Deferred<NoteEvent>;
}

/** What was owed to a child run is done, or cannot be. */
export interface ChildMail {
  readonly kind: "child";
  /** `child`: it exists. `stop`: it has been asked to stop. */
  readonly duty: "child" | "stop";
  readonly step: string;
  readonly attempt: number;
  /** Why it cannot be. */
  readonly error?: Failure;
}

/** From the run's inbox. */
export interface Arrival {
  readonly kind: "arrival";
  readonly input: StoredInput;
}

/** A node is gone, with all that it ran for this run. */
export interface NodeGone {
  readonly kind: "node gone";
  readonly node: string;
}

/** Time passed, or a slot became free: look again. */
export interface Nudge {
  readonly kind: "nudge";
}

/** Anything that a run's mailbox takes. */
export type Mail = Report | Note | ChildMail | Arrival | NodeGone | Nudge;

/** This host will not record it any more: tells those who wait for that; what they took stays taken until another has. */
export function refuse(mails: readonly Mail[], reason: unknown): void {
  for (const mail of mails) {
    if (mail.kind === "note") mail.done.reject(reason);
    if (mail.kind === "report") mail.taking?.abandon();
  }
}
