/**
 * Tickets with a time: messages that the server itself publishes when they are due, in a stream of
 * their own. Whoever waits for tickets turns due messages into tickets.
 */
import type { Msg } from "@nats-io/transport-node";
import { rfc3339 } from "../../kernel/instant.ts";
import type { Position } from "../../ports/event-log.ts";
import type { Ticket } from "../../ports/work-queue.ts";
import { Away, answerOf, apiCodes, messageOf, refusal, storedOf } from "./answers.ts";
import { deliveryOf } from "./deliveries.ts";
import type { Ask, Link } from "./link.ts";
import { Puller } from "./puller.ts";
import { purge } from "./purge.ts";
import type { Headers } from "./requests.ts";
import { type Subjects, ticketPlaceOf } from "./subjects.ts";

/** What the timers are made of. */
export interface TimerParts {
  /** The connection that publishes. */
  readonly writing: Link;
  /** The connection that due messages come in by. */
  readonly reading: Link;
  readonly subjects: Subjects;
  readonly ask: Ask;
  /** The body of a ticket's message. */
  readonly body: (ticket: Ticket) => Uint8Array;
  readonly onFault: (error: unknown) => void;
}

/** Header of a timer: its time in ms since the epoch. */
const AT = "Millrace-At";
/** Header of a timer that stands in for a ticket still held: the sequence of that ticket. */
const OVER = "Millrace-Over";
const CONSUMER = "DUE";
/** Due messages taken at once. */
const BATCH = 64;
/** A due message whose taker died is given to another after this. */
const TAKEN_MS = 5_000;
/** A due message that meets the very ticket it replaces, just being given up, comes again after. */
const AGAIN_MS = 50;
const NANOS_PER_MS = 1_000_000;
const NOT_FOUND = 404;
/** What the server says of a message that is not there: two words for it, by how it came to be gone. */
const GONE: ReadonlySet<number> = new Set([apiCodes.deleteFailed, apiCodes.sequenceNotFound]);

export class TicketTimers {
  readonly #parts: TimerParts;
  readonly #due: Puller;

  constructor(parts: TimerParts) {
    this.#parts = parts;
    const { timers } = parts.subjects.streams;
    const filter = parts.subjects.all.timers[1] ?? ">";
    this.#due = new Puller(
      parts.reading,
      parts.ask,
      { stream: timers, name: CONSUMER, filter, ackWaitMs: TAKEN_MS },
      {
        take: (msg) => void this.#convert(msg).catch(parts.onFault),
        fail: parts.onFault,
      },
    );
  }

  /** While listening, due messages become tickets. */
  listen(on: boolean): void {
    this.#due.want(on ? BATCH : 0);
  }

  close(): Promise<void> {
    return this.#due.close();
  }

  /**
   * Makes the ticket come at `at`, unless it comes earlier already.
   * @param over sequence of a ticket that is being given up: then `at` holds in any case
   */
  async arm(ticket: Ticket, at: number, over?: Position): Promise<void> {
    const { writing, subjects, ask, body } = this.#parts;
    const timer = subjects.timer(ticket.run);
    const headers: Headers = {
      "Nats-Schedule": [`@at ${rfc3339(at)}`],
      [AT]: [String(at)],
      "Nats-Schedule-Target": [subjects.due(ticket.workflow, ticket.run)],
      ...(over !== undefined && { [OVER]: [String(over)] }),
    };
    await writing.insist(ask, async () => {
      if (over === undefined) {
        const present = await this.find(ticket.run);
        if (present && present.at <= at) return true;
        headers["Nats-Expected-Last-Subject-Sequence"] = [String(present?.seq ?? 0)];
      }
      const stored = storedOf(await writing.requests.send(timer, body(ticket), { headers }));
      if (stored instanceof Away) return stored;
      return "seq" in stored ? true : new Away("busy");
    });
  }

  /** The timer of a run. */
  find(run: string): Promise<{ readonly seq: number; readonly at: number } | undefined> {
    const { writing, subjects, ask } = this.#parts;
    const subject = `$JS.API.DIRECT.GET.${subjects.streams.timers}.${subjects.timer(run)}`;
    return writing.insist(ask, async () => {
      const msg = messageOf(await writing.requests.send(subject, ""));
      if (msg instanceof Away) return msg;
      const { headers } = msg;
      if (headers?.code === NOT_FOUND) return undefined;
      return { seq: Number(headers?.get("Nats-Sequence")), at: Number(headers?.get(AT)) };
    });
  }

  disarm(run: string): Promise<void> {
    return this.#purge(this.#parts.subjects.timer(run));
  }

  /** Takes away all that could still become a ticket of the run. */
  async remove(run: string): Promise<void> {
    await this.disarm(run);
    await this.#purge(this.#parts.subjects.dueOf(run));
  }

  /** A due message becomes a ticket, unless the run has one, and is removed. */
  async #convert(msg: Msg): Promise<void> {
    const { writing, reading, subjects } = this.#parts;
    const place = ticketPlaceOf(msg.subject);
    const token = msg.reply ?? "";
    if (place) {
      const headers: Headers = { "Nats-Expected-Last-Subject-Sequence": ["0"] };
      const ticket = subjects.ticket(place.workflow, place.run);
      const stored = storedOf(await writing.requests.send(ticket, msg.data, { headers }));
      if (stored instanceof Away) return;
      const over = Number(msg.headers?.get(OVER) || 0);
      if ("wrongLast" in stored && over > 0 && stored.wrongLast === over) {
        reading.tell(token, `-NAK {"delay":${AGAIN_MS * NANOS_PER_MS}}`);
        return;
      }
    }
    reading.tell(token, "+ACK");
    await this.#delete(deliveryOf(token).seq);
  }

  /** By its sequence: the next due message of the run may be there already. */
  async #delete(seq: number): Promise<void> {
    const { writing, subjects, ask } = this.#parts;
    const api = `$JS.API.STREAM.MSG.DELETE.${subjects.streams.timers}`;
    const body = JSON.stringify({ seq, no_erase: true });
    await writing.insist(ask, async () => {
      const answer = answerOf(await writing.requests.send(api, body));
      if (answer instanceof Away) return answer;
      // Two processes may have turned the same message into a ticket: for one of them it is gone already.
      if (answer.error && !GONE.has(answer.error.err_code)) throw refusal(answer.error);
      return true;
    });
  }

  async #purge(filter: string): Promise<void> {
    const { writing, subjects, ask } = this.#parts;
    await writing.insist(ask, () => purge(writing, subjects.streams.timers, { filter }));
  }
}
