/** Archives as files: what retention keeps of runs before it erases them. */
import { createWriteStream } from "node:fs";
import { mkdir, rename } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Archivist } from "../client/history/history-care.ts";

/**
 * Keeps each run as `RUN.jsonl` in the folder, which is made if need be: for `history.prune` and
 * `history.retain`. A file has its name once all of it is written.
 */
export const archiveTo =
  (folder: string): Archivist =>
  async (run, lines) => {
    await mkdir(folder, { recursive: true });
    const file = join(folder, `${run}.jsonl`);
    const part = `${file}.part`;
    await pipeline(
      Readable.from(ended(lines)),
      createWriteStream(part, { mode: 0o600, flush: true }),
    );
    await rename(part, file);
  };

async function* ended(lines: AsyncIterable<string>): AsyncGenerator<string> {
  for await (const line of lines) yield `${line}\n`;
}
