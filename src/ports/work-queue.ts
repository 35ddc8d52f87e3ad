/**
 * "This run needs a host." A ticket is a hint: it can be lost or doubled without harm, because who
 * hosts a run is decided by the log alone. There is at most one ticket per run.
 */
export interface Ticket {
  readonly workflow: string;
  readonly run: string;
  /**
   * May carry what saves the claimer a read (the run's first frame); MAY be dropped by the queue.
   * `position` is the log position of that frame.
   */
  readonly hint?: { readonly position: number; readonly bytes: Uint8Array };
}

/** A ticket held under a lease. */
export interface Claim {
  readonly ticket: Ticket;
  /** Text that lets another process give this claim back (`reclaim`) once its holder is known dead. */
  readonly token: string;
  /** Renews the lease for another `leaseMs`. False: the lease was lost; the caller must let go. */
  extend(): Promise<boolean>;
  /** Removes the ticket for good. */
  ack(): Promise<void>;
  /** Gives the ticket back: claimable by anyone at once, or from `at` (ms since the epoch) on. */
  release(at?: number): Promise<void>;
}

/** What a process can host now. */
export interface ClaimRequest {
  readonly workflows: readonly string[];
  /** How many at most; asked for only what the caller can host right now. */
  readonly max: number;
  /** Ends the wait: the call then resolves with what it has, maybe nothing. */
  readonly signal: AbortSignal;
}

/**
 * Delivery of tickets to processes that can host them.
 *
 * - `offer` puts a ticket unless the run has one; if the present one waits for a later time than `at`,
 *   it is brought forward. Offering for a run whose ticket is claimed changes nothing.
 * - `claim` waits until at least one ticket of these workflows is claimable, then gives up to `max`;
 *   each is delivered to one claimer. An unextended claim becomes claimable again after `leaseMs`; one
 *   whose holder is known to be dead (embedded: its process is gone), at once.
 * - A ticket with a time is claimable from then on, late by 0.3 s at most while someone claims, and
 *   held by nobody before. It survives restarts.
 * - `remove` takes the run's ticket away, whether it waits, has a time or is claimed; nobody gets it any
 *   more. A holder need not notice.
 */
export interface WorkQueue {
  offer(ticket: Ticket, at?: number): Promise<void>;
  claim(request: ClaimRequest): Promise<readonly Claim[]>;
  /** Gives back a claim of a holder that is known dead, by its token. Unknown tokens do nothing. */
  reclaim(token: string): Promise<void>;
  /** For a run that is erased: what is left of it must not bring it back. No ticket: nothing. */
  remove(run: string): Promise<void>;
  close(): Promise<void>;
}
