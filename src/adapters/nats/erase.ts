/**
 * Erasing a run: a tombstone is appended first, from when on no append of the old life succeeds;
 * then everything before it goes. Interrupted between the two, it is finished by whoever erases the
 * run again or asks for its head.
 */
import { Away, storedOf } from "./answers.ts";
import { expectLast } from "./append.ts";
import { askLeader } from "./direct-get.ts";
import type { Link } from "./link.ts";
import { purge } from "./purge.ts";
import { placeOf, type Subjects } from "./subjects.ts";

/** Erases; true if there were frames. As `EventLog.erase` says. */
export async function erase(link: Link, subjects: Subjects, run: string): Promise<boolean> {
  const { log } = subjects.streams;
  const everything = subjects.run(run);
  let erased = false;

  const entomb = async (): Promise<number | undefined | Away> => {
    const last = await askLeader(link, log, { last_by_subj: everything });
    if (last === undefined || last instanceof Away) return last;
    if (placeOf(last.subject) === undefined) return last.seq;
    const headers = expectLast(last.seq, everything);
    const stored = storedOf(await link.requests.send(subjects.tombstone(run), "", { headers }));
    if (stored instanceof Away) return stored;
    if (!("seq" in stored)) return new Away("busy");
    erased = true;
    return stored.seq;
  };

  /** Subjects are taken as the server gives them: a wildcard would take other runs along. */
  const clear = async (tombstone: number): Promise<Away | undefined> => {
    for (;;) {
      const first = await askLeader(link, log, { seq: 1, next_by_subj: everything });
      if (first instanceof Away) return first;
      if (first === undefined || first.seq >= tombstone) return undefined;
      const purged = await purge(link, log, { filter: first.subject, seq: tombstone });
      if (purged instanceof Away) return purged;
      erased ||= placeOf(first.subject) !== undefined;
    }
  };

  return link.insist({ what: `erase run ${run}`, stream: log }, async () => {
    const tombstone = await entomb();
    if (tombstone === undefined || tombstone instanceof Away) return tombstone ?? false;
    return (await clear(tombstone)) ?? erased;
  });
}
