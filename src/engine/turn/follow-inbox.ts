/**
 * A run's inbox as one sequence. A host takes inputs by position and never looks back, so none that
 * comes live may overtake one that is still being read.
 */
import type { Inbox, StoredInput } from "../../ports/inbox.ts";

/** Who follows an inbox, and what has become of it so far. */
export interface InboxFollower {
  /** Last position taken. */
  taken(): number;
  /** Gets every input in order; some more than once. */
  take(input: StoredInput): void;
  /** A read failed after the following began. */
  fail(error: unknown): void;
  /** Called as soon as there is something to stop. */
  onWatch(unwatch: () => void): void;
}

/** Resolves once everything that was in the inbox has been handed over. */
export async function followInbox(
  inbox: Inbox,
  run: string,
  { taken, take, fail, onWatch }: InboxFollower,
): Promise<void> {
  const live: StoredInput[] = [];
  let reading = 1;
  const read = async (): Promise<void> => {
    for (const input of await inbox.read(run, taken())) take(input);
    reading--;
    if (reading === 0) for (const input of live.splice(0)) take(input);
  };
  const unwatch = await inbox.watch(
    run,
    (input) => {
      if (reading > 0) live.push(input);
      else take(input);
    },
    () => {
      reading++;
      read().catch(fail);
    },
  );
  onWatch(unwatch);
  await read();
}
