/** Removal of messages by subject. */
import { Away, answerOf, refusal } from "./answers.ts";
import type { Link } from "./link.ts";

/** What is purged: one literal subject, all of it or up to a sequence. */
export interface PurgeRequest {
  /** Whose messages go. For a wildcard the server walks all subjects, and blocks the stream. */
  readonly filter: string;
  /** Only messages before this sequence; default: all. */
  readonly seq?: number;
}

/** One attempt, for `Link.insist`. */
export async function purge(
  link: Link,
  stream: string,
  request: PurgeRequest,
): Promise<true | Away> {
  const subject = `$JS.API.STREAM.PURGE.${stream}`;
  const answer = answerOf(await link.requests.send(subject, JSON.stringify(request)));
  if (answer instanceof Away) return answer;
  if (answer.error) throw refusal(answer.error);
  return true;
}
