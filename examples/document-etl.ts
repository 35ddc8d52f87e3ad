/**
 * A document goes through a graph: extracted, then classified, summarised and searched for keywords side by
 * side, then put together. One that cannot be read is set aside instead. Outputs are found by name, large
 * texts go by reference. `examples/testing/document-etl.test.ts` crashes it at every commit.
 * Prints: invoice of 5 words: invoice, widgets, total; set aside: no text in it
 */
import { graph, open } from "../src/index.ts";

/** What is done with a document that cannot be read. The same key again is the same document. */
export interface Quarantine {
  put(document: string, why: string, key: string): Promise<unknown>;
}

/** As it is uploaded: bytes as text, or nothing that can be read. */
export interface Document {
  readonly name: string;
  readonly text: string | null;
}

/** What is known of a document in the end. */
export interface Report {
  readonly name: string;
  readonly kind: string;
  readonly summary: string;
  readonly keywords: readonly string[];
}

const SUMMARY_WORDS = 50;
const KEYWORDS = 3;
const KEYWORD_LETTERS = 5;

const wordsOf = (text: string): string[] => text.toLowerCase().match(/[a-z]+/g) ?? [];

export const documentsWith = (quarantine: Quarantine) =>
  graph<Document>("documents")
    .step("extract", async (ctx, { name, text }) => {
      if (text !== null) await ctx.emit("text", text);
      return { name, text };
    })
    .step(
      "quarantine",
      { needs: ["extract"], when: ({ extract }) => extract.text === null },
      async (ctx, { extract }) => {
        const why = "no text in it";
        await quarantine.put(extract.name, why, ctx.idempotencyKey);
        return why;
      },
    )
    .step(
      "classify",
      { needs: ["extract"], when: ({ extract }) => extract.text !== null },
      (_ctx, { extract }) =>
        wordsOf(extract.text ?? "").includes("invoice") ? "invoice" : "letter",
    )
    .step(
      "summarise",
      { needs: ["extract"], when: ({ extract }) => extract.text !== null },
      (_ctx, { extract }) => {
        const words = wordsOf(extract.text ?? "");
        return { first: words.slice(0, SUMMARY_WORDS).join(" "), count: words.length };
      },
    )
    .step(
      "keywords",
      { needs: ["extract"], when: ({ extract }) => extract.text !== null },
      (_ctx, { extract }) => {
        const long = wordsOf(extract.text ?? "").filter((word) => word.length >= KEYWORD_LETTERS);
        return [...new Set(long)].slice(0, KEYWORDS);
      },
    )
    .step(
      "format",
      { needs: ["extract", "quarantine", "classify", "summarise", "keywords"] },
      (_ctx, { extract, quarantine: why, classify, summarise, keywords }): Report => ({
        name: extract.name,
        kind: classify ?? "unreadable",
        summary: why ?? `${summarise?.count} words`,
        keywords: keywords ?? [],
      }),
    )
    .build();

if (import.meta.main) {
  const documents = documentsWith({ put: async () => undefined });
  const store = process.env["MILLRACE_STORE"] ?? "memory";
  await using millrace = await open({ store, workflows: [documents] });
  const text = "Invoice for two widgets: total 40.";
  const readable = await millrace.start(documents, { name: "a.pdf", text });
  const { kind, keywords, summary } = await readable.result();
  const broken = await (await millrace.start(documents, { name: "b.pdf", text: null })).result();
  console.log(`${kind} of ${summary}: ${keywords.join(", ")}; set aside: ${broken.summary}`);
}
