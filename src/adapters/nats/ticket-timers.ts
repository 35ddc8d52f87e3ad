/**
 * Tickets with a time: messages that the server itself publishes when they are due, in a stream of
 * their own. Whoever waits for tickets turns due messages into tickets.
 */
import type { Msg } from "@nats-io/transport-node";
import { rfc3339 } from "../../kernel/instant.ts";
import type { Position } from "../../ports/event-log.ts";
import type { Ticket } from "../../ports/work-queue.ts";
import { Away, answerOf, apiCodes, messageOf, refusal, type Stored, storedOf } from "./answers.ts";
import { deliveryOf } from "./deliveries.ts";
import { askLeader } from "./direct-get.ts";
import type { Ask, Link } from "./link.ts";
import { Puller } from "./puller.ts";
import { type PurgeRequest, purge } from "./purge.ts";
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

  /** Makes the ticket come at `at`, unless it comes earlier already. */
  async arm(ticket: Ticket, at: number): Promise<void> {
    await this.#insist(async () => {
      const first = await this.#set(ticket, at, 0);
      if (first instanceof Away || "seq" in first) return first;
      const present = await this.find(ticket.run);
      if (present?.seq !== first.wrongLast) return new Away("busy");
      return present.at <= at ? present : stands(await this.#set(ticket, at, present.seq));
    });
  }

  /**
   * Makes the ticket come at `at` in any case, in place of one that is being given up.
   * @param over sequence of that one
   * @returns false if it took the place of another timer. If the server is making that one due just then, it takes
   *   both away: once the ticket is given up, and nobody takes what is due for it, ask whether the run `has` one
   */
  armOver(ticket: Ticket, at: number, over: Position): Promise<boolean> {
    return this.#insist(async () => {
      const first = await this.#set(ticket, at, 0, over);
      if (first instanceof Away) return first;
      if ("seq" in first) return true;
      const second = stands(await this.#set(ticket, at, first.wrongLast, over));
      return second instanceof Away ? second : false;
    });
  }

  /** @param expected sequence of the timer whose place it takes; 0: there is none */
  async #set(
    ticket: Ticket,
    at: number,
    expected: Position,
    over?: Position,
  ): Promise<Stored | Away> {
    const { writing, subjects, body } = this.#parts;
    const headers: Headers = {
      "Nats-Schedule": [`@at ${rfc3339(at)}`],
      [AT]: [String(at)],
      "Nats-Schedule-Target": [subjects.due(ticket.workflow, ticket.run)],
      "Nats-Expected-Last-Subject-Sequence": [String(expected)],
      ...(over !== undefined && { [OVER]: [String(over)] }),
    };
    const timer = subjects.timer(ticket.run);
    return storedOf(await writing.requests.send(timer, body(ticket), { headers }));
  }

  /** The timer of a run, as one of the servers has it. */
  find(run: string): Promise<{ readonly seq: Position; readonly at: number } | undefined> {
    const { writing, subjects } = this.#parts;
    const subject = `$JS.API.DIRECT.GET.${subjects.streams.timers}.${subjects.timer(run)}`;
    return this.#insist(async () => {
      const msg = messageOf(await writing.requests.send(subject, ""));
      if (msg instanceof Away) return msg;
      const { headers } = msg;
      if (headers?.code === NOT_FOUND) return undefined;
      return { seq: Number(headers?.get("Nats-Sequence")), at: Number(headers?.get(AT)) };
    });
  }

  /** Has the run a timer, as the leader has it? */
  async has(run: string): Promise<boolean> {
    const { writing, subjects } = this.#parts;
    const query = { last_by_subj: subjects.timer(run) };
    const found = await this.#insist(() => askLeader(writing, subjects.streams.timers, query));
    return found !== undefined;
  }

  /** Takes the timer away that has this sequence; one that has taken its place stays. */
  disarm(run: string, seq: Position): Promise<void> {
    return this.#purge({ filter: this.#parts.subjects.timer(run), seq: seq + 1 });
  }

  /** Takes away all that could still become a ticket of the run. */
  async remove(run: string): Promise<void> {
    const { subjects } = this.#parts;
    await this.#purge({ filter: subjects.timer(run) });
    await this.#purge({ filter: subjects.dueOf(run) });
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
    const { writing, subjects } = this.#parts;
    const api = `$JS.API.STREAM.MSG.DELETE.${subjects.streams.timers}`;
    const body = JSON.stringify({ seq, no_erase: true });
    await this.#insist(async () => {
      const answer = answerOf(await writing.requests.send(api, body));
      if (answer instanceof Away) return answer;
      // Two processes may have turned the same message into a ticket: for one of them it is gone already.
      if (answer.error && !GONE.has(answer.error.err_code)) throw refusal(answer.error);
      return true;
    });
  }

  async #purge(request: PurgeRequest): Promise<void> {
    const { writing, subjects } = this.#parts;
    await this.#insist(() => purge(writing, subjects.streams.timers, request));
  }

  #insist<T>(attempt: () => Promise<T | Away>): Promise<T> {
    return this.#parts.writing.insist(this.#parts.ask, attempt);
  }
}

/** To be tried again when somebody else was faster. */
const stands = (stored: Stored | Away): Stored | Away =>
  stored instanceof Away || "seq" in stored ? stored : new Away("busy");
