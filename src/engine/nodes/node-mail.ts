/**
 * What nodes say to each other, as bytes in each other's inbox: a host asks a node for room, the node
 * answers, the host tells it to go. Meant for one life of a process: whoever starts anew knows nothing of
 * it, and says so. What an attempt leads to is not among it: that goes to the inbox of its run.
 */
import type { Tick } from "../../../machines/run-data.ts";
import type { Failure, Value } from "../../../machines/values.ts";
import type { Resources } from "../../cluster/resources.ts";
import type { StepPolicy } from "../../domain/plan.ts";
import type { NoteEvent } from "../../events/vocabulary.ts";
import type { TaskInput } from "./task-input.ts";

/** Which step of which run, and whose code it is. */
interface OfStep {
  readonly run: string;
  readonly workflow: string;
  /** Of the plan: see `Version`. */
  readonly version: string;
  readonly label?: string;
  readonly step: string;
}

/** A host wants to run a step here. `grant`: what the answer, and all that follows, is about. */
export interface Ask extends OfStep {
  readonly kind: "ask";
  readonly grant: string;
  readonly needs: Resources;
}

/**
 * What becomes of an ask. `queued`: it does not fit now, and is granted as soon as it does. `dropped`: it
 * is forgotten, and may be made again.
 */
export interface Answer {
  readonly kind: "answer";
  readonly grant: string;
  readonly answer: "granted" | "queued" | "refused" | "dropped";
  /** Why it is refused. */
  readonly why?: string;
}

/** The attempt is recorded: its code may run. */
export interface Go extends OfStep {
  readonly kind: "go";
  readonly grant: string;
  readonly attempt: number;
  readonly policy: StepPolicy;
  readonly input: TaskInput;
  readonly runInput: Value;
  /** What a schedule started the run for. */
  readonly tick?: Tick;
}

/**
 * What was asked for is not needed any more: what waits is forgotten, what runs is told to stop. `gently`: it
 * may end by itself, and is waited for.
 */
export interface Stop {
  readonly kind: "stop";
  readonly grant: string;
  readonly error: Failure;
  readonly gently?: true;
}

/** The end of the attempt is in the log of its run: what it took is free. */
export interface Ended {
  readonly kind: "ended";
  readonly grant: string;
}

/** What became of something that a step elsewhere wanted recorded. */
export type Recorded = { readonly kind: "recorded"; readonly note: string } & (
  | { readonly event: NoteEvent }
  | { readonly error: Failure }
);

/** From now on the node has these resources; its slots stay. */
export interface Equip {
  readonly kind: "equip";
  readonly resources: Resources;
}

/** One thing that is said. */
export type NodeMail = Ask | Answer | Go | Stop | Ended | Recorded | Equip;

/** What goes into an inbox at once. */
export interface Letter {
  readonly from: string;
  /** What the sender has free, at the time of writing; absent: it is no node. */
  readonly free?: Resources;
  readonly mails: readonly NodeMail[];
}

/** The letter as bytes for an inbox. */
export const encodeLetter = (letter: Letter): Uint8Array => Buffer.from(JSON.stringify(letter));

/** The letter in `bytes`; undefined when it is none. Whoever may write to inboxes is trusted beyond that. */
export function decodeLetter(bytes: Uint8Array): Letter | undefined {
  try {
    const raw = JSON.parse(Buffer.from(bytes).toString("utf8")) as Partial<Letter> | null;
    const whole = typeof raw?.from === "string" && Array.isArray(raw.mails);
    return whole ? (raw as Letter) : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
