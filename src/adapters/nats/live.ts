/**
 * The republished copies of what was stored on one subject, shared by all who listen to it in this
 * process. Copies can be lost; each says which message of its subject came before it, so a listener
 * knows, and reads what it missed.
 */
import type { Subscription } from "@nats-io/transport-node";
import { MillraceError } from "../../kernel/errors.ts";
import type { Link } from "./link.ts";

/** A republished message: the original's place and bytes. */
export interface Copy {
  /** The subject under which the original is stored. */
  readonly subject: string;
  readonly seq: number;
  /** Sequence of the message stored before it on that subject; 0 if there was none. */
  readonly previous: number;
  /** Shared by all listeners: not to be kept or changed. */
  readonly bytes: Uint8Array;
}

/** Is told every copy, in order. */
export type Listener = (copy: Copy) => void;

interface Topic {
  readonly subscription: Subscription;
  readonly listeners: Set<Listener>;
  /** The server's permissions do not allow it. */
  denied: boolean;
}

/** Listeners by subject, with one subscription each. */
export class Live {
  readonly #link: Link;
  readonly #topics = new Map<string, Topic>();

  constructor(link: Link) {
    this.#link = link;
  }

  /**
   * Everything stored on the subject after this resolved is told to the listener, as long as the
   * connection holds. Returns the undoing.
   * @throws MillraceError `E_SERVER_UNSUITABLE` when the server's permissions forbid to listen
   */
  async listen(subject: string, listener: Listener): Promise<() => void> {
    const topic = this.#topics.get(subject) ?? this.#subscribe(subject);
    topic.listeners.add(listener);
    await this.#link.synced();
    if (topic.denied) throw forbidden(subject);
    return () => {
      if (!topic.listeners.delete(listener) || topic.listeners.size > 0) return;
      topic.subscription.unsubscribe();
      this.#topics.delete(subject);
    };
  }

  #subscribe(subject: string): Topic {
    const listeners = new Set<Listener>();
    const subscription: Subscription = this.#link.connection.subscribe(subject, {
      callback: (error, msg) => {
        if (error) {
          topic.denied = true;
          this.#topics.delete(subject);
          return;
        }
        const { headers } = msg;
        const copy = {
          subject: headers?.get("Nats-Subject") ?? "",
          seq: Number(headers?.get("Nats-Sequence")),
          previous: Number(headers?.get("Nats-Last-Sequence")),
          bytes: msg.data,
        };
        // Anything else on the subject is no copy of something stored.
        if (!Number.isSafeInteger(copy.seq)) return;
        for (const listener of [...listeners]) listener(copy);
      },
    });
    const topic = { subscription, listeners, denied: false };
    this.#topics.set(subject, topic);
    return topic;
  }
}

const forbidden = (subject: string): MillraceError =>
  new MillraceError(
    "E_SERVER_UNSUITABLE",
    `the server's permissions forbid this user to subscribe to ${subject}; grant it`,
    { details: { subject } },
  );
