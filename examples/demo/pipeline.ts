/**
 * The demo's workflow: from a folder of text files to an HTML report on their words.
 *
 *   list ──> parse (every file) ──> shards ──> merge (every shard) ──┬─> top ──────────┬─> report
 *                                                                    └─> concordance ──┘
 */
import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, relative } from "node:path";
import { graph, type StepContext } from "../../src/index.ts";
import { renderReport } from "./report.ts";

export interface Request {
  /** Folder whose text files are read. */
  readonly dir: string;
  /** Where the report goes. */
  readonly report: string;
  /** Every execution of a step leaves a line here: what ran, outside of the log's own account. */
  readonly executions: string;
  /** Milliseconds that the parsing of a file takes at least, so that one can watch. */
  readonly paceMs: number;
}

/** What one file has of one word: how often, and a line that shows it. */
interface Count {
  readonly count: number;
  readonly line: string;
}

interface Parsed {
  readonly file: string;
  readonly words: Readonly<Record<string, Count>>;
}

/** A word over all files. */
export interface Term {
  readonly word: string;
  readonly count: number;
  readonly files: number;
  /** One line per file, a few files. */
  readonly lines: readonly { readonly file: string; readonly line: string }[];
}

const TEXT = /\.(ts|js|md|txt|json|ya?ml|html|sh)$/;
const LEFT_OUT = new Set(["node_modules", "dist", "package-lock.json"]);
const LARGEST_FILE_BYTES = 256 * 1024;
const SHARDS = ["abc", "def", "ghi", "jkl", "mno", "pqr", "stu", "vwxyz"];
const TERMS_PER_SHARD = 40;
const LINES_PER_TERM = 4;

/** Notes that the step's code has been run by this process. */
const executed = (ctx: StepContext): void => {
  const { executions } = ctx.input as Request;
  appendFileSync(executions, `${ctx.step} ${ctx.attempt} ${process.pid}\n`);
};

function textFiles(dir: string): string[] {
  return readdirSync(dir, { withFileTypes: true })
    .filter((entry) => !entry.name.startsWith(".") && !LEFT_OUT.has(entry.name))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(dir, entry.name);
      if (entry.isDirectory()) return textFiles(path);
      return entry.isFile() && TEXT.test(entry.name) ? [path] : [];
    })
    .filter((path) => statSync(path).size <= LARGEST_FILE_BYTES);
}

function countWords(text: string): Record<string, Count> {
  const words = new Map<string, { count: number; line: string }>();
  for (const line of text.split("\n")) {
    for (const [word] of line.toLowerCase().matchAll(/[a-z]{4,}/g)) {
      const known = words.get(word);
      if (known) known.count++;
      else words.set(word, { count: 1, line: line.trim().slice(0, 120) });
    }
  }
  return Object.fromEntries(words);
}

function mergeShard(shard: string, files: readonly Parsed[]): Term[] {
  const terms = new Map<
    string,
    { count: number; lines: { file: string; line: string }[]; files: number }
  >();
  for (const { file, words } of files) {
    for (const [word, { count, line }] of Object.entries(words)) {
      if (!shard.includes(word.charAt(0))) continue;
      const term = terms.get(word) ?? { count: 0, files: 0, lines: [] };
      term.count += count;
      term.files++;
      if (term.lines.length < LINES_PER_TERM) term.lines.push({ file, line });
      terms.set(word, term);
    }
  }
  return [...terms]
    .map(([word, term]) => ({ word, ...term }))
    .sort((a, b) => b.count - a.count || (a.word < b.word ? -1 : 1))
    .slice(0, TERMS_PER_SHARD);
}

export const pipeline = graph<Request>("document-pipeline")
  .step("list", (ctx, { dir }) => {
    executed(ctx);
    return textFiles(dir).map((path) => relative(dir, path));
  })
  .map("parse", { over: "list", concurrency: 4 }, async (ctx, file): Promise<Parsed> => {
    executed(ctx);
    const { dir, paceMs } = ctx.input as Request;
    const words = countWords(readFileSync(join(dir, file), "utf8"));
    await new Promise((resolve) => setTimeout(resolve, paceMs));
    return { file, words };
  })
  .step("shards", { needs: ["parse"] }, (ctx, { parse }) => {
    executed(ctx);
    return SHARDS.map((shard) => ({
      shard,
      files: parse.map(({ file, words }) => ({
        file,
        words: Object.fromEntries(
          Object.entries(words).filter(([word]) => shard.includes(word.charAt(0))),
        ),
      })),
    }));
  })
  .map("merge", { over: "shards" }, (ctx, { shard, files }) => {
    executed(ctx);
    return mergeShard(shard, files);
  })
  .step("top", { needs: ["merge"] }, (ctx, { merge }) => {
    executed(ctx);
    const terms = merge.flat().sort((a, b) => b.count - a.count);
    return terms.slice(0, 25).map(({ word, count, files }) => ({ word, count, files }));
  })
  .step("concordance", { needs: ["merge"] }, (ctx, { merge }) => {
    executed(ctx);
    return merge.flat().sort((a, b) => (a.word < b.word ? -1 : 1));
  })
  .step("report", { needs: ["list", "top", "concordance"] }, (ctx, { list, top, concordance }) => {
    executed(ctx);
    const { dir, report } = ctx.input as Request;
    mkdirSync(dirname(report), { recursive: true });
    writeFileSync(report, renderReport({ dir, files: list.length, top, concordance }));
    return { report, files: list.length, terms: concordance.length };
  })
  .build();
