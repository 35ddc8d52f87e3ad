/** For what the client library does better than we would: its errors in the adapter's terms. */
import { JetStreamApiError } from "@nats-io/jetstream";
import { Away, apiCodes, awayOf, refusal } from "./answers.ts";
import type { Ask, Link } from "./link.ts";

/** Calls until the server has answered; a revision conflict counts as "ask again". */
export function calling<T>(link: Link, ask: Ask, call: () => Promise<T>): Promise<T> {
  return link.insist<T>(ask, async () => {
    try {
      return await call();
    } catch (error) {
      if (isConflict(error)) return new Away("busy");
      const away = awayOf(error);
      if (away) return away;
      throw error instanceof JetStreamApiError ? refusal(error.apiError()) : error;
    }
  });
}

const isConflict = (error: unknown): boolean =>
  error instanceof JetStreamApiError && error.code === apiCodes.wrongLastSequence;
