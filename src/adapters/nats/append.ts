/**
 * One append: a publish that expects the run's last position, and the finding out what became of it
 * when the answer does not say. Sending again is harmless, because of any number of sendings with
 * one expectation the server stores one; so "was it stored?" is asked only after a conflict, and
 * answered by the bytes of the run's first frame past the expected one.
 */
import { MillraceError } from "../../kernel/errors.ts";
import type { AppendOutcome, NewFrame } from "../../ports/event-log.ts";
import { Away, storedOf } from "./answers.ts";
import { askLeader } from "./direct-get.ts";
import type { Link } from "./link.ts";
import { placeOf, type Subjects } from "./subjects.ts";

/** What an append or a tombstone expects: the last sequence of whatever lies under the run. */
export const expectLast = (sequence: number, subject: string): Record<string, string[]> => ({
  "Nats-Expected-Last-Subject-Sequence": [String(sequence)],
  "Nats-Expected-Last-Subject-Sequence-Subject": [subject],
});

/**
 * Appends, trying until the server has answered.
 * @throws MillraceError as `EventLog.append` says, and `E_TOO_LARGE`
 */
export function append(
  link: Link,
  subjects: Subjects,
  frame: NewFrame,
  signal: AbortSignal | undefined,
): Promise<AppendOutcome> {
  const subject = subjects.frames(frame.workflow, frame.run);
  const headers = expectLast(frame.expected, subjects.run(frame.run));
  const ask = { what: `append to run ${frame.run}`, stream: subjects.streams.log, signal };
  return link.insist(ask, async () => {
    const stored = storedOf(await link.requests.send(subject, frame.bytes, { headers }));
    if (stored instanceof Away) return stored;
    if ("seq" in stored) return { ok: true, position: stored.seq };
    return conflict(link, subjects, frame, stored.wrongLast);
  });
}

/** Whose frame is it that stands where ours should? */
async function conflict(
  link: Link,
  subjects: Subjects,
  { run, expected, bytes }: NewFrame,
  head: number,
): Promise<AppendOutcome | Away> {
  if (head === 0) return { ok: false, head };
  const { log } = subjects.streams;
  const last = await askLeader(link, log, { seq: head });
  if (last instanceof Away) return last;
  // Gone again: the run was erased just now. Sending again will find its tombstone.
  if (last === undefined) return new Away("busy");
  if (placeOf(last.subject) === undefined) throw erased(run);
  if (head <= expected) return { ok: false, head };
  const next = { seq: expected + 1, next_by_subj: subjects.run(run) };
  const first = await askLeader(link, log, next);
  if (first instanceof Away) return first;
  if (first === undefined) return new Away("busy");
  const ours = Buffer.compare(first.bytes, bytes) === 0;
  return ours ? { ok: true, position: first.seq } : { ok: false, head };
}

const erased = (run: string): MillraceError =>
  new MillraceError(
    "E_RUN_ERASED",
    `run ${run} was erased; use another id, or begin it anew by expecting its head, the tombstone`,
    { details: { run } },
  );
