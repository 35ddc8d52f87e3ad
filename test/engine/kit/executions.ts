/** What processes under test have executed, from the file that they write it down in. */
import { existsSync, readFileSync } from "node:fs";

/** Executions per idempotency key. */
export function executions(sink: string): Map<string, number> {
  const counts = new Map<string, number>();
  const lines = existsSync(sink) ? readFileSync(sink, "utf8").trim().split("\n") : [];
  for (const line of lines.filter(Boolean)) {
    const [key = ""] = line.split(" ");
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}
