/**
 * The output store: a writer's drafts, an editor's final text, and where it came from.
 * Prints: final text by editor, made from 2 drafts of writer
 */
import { open } from "../../src/index.ts";

const millrace = await open({ store: "memory" });
const { outputs } = millrace.stores;

const drafts: string[] = [];
for (const chunk of ["first draft", "second draft"]) {
  drafts.push(await outputs.append("article-1", 1, "writer", { type: "partial", chunk }));
}
const content = { kind: "inline", value: "final text" } as const;
await outputs.append("article-1", 1, "editor", { type: "final", content, ok: true }, drafts);

const last = await outputs.getLatestByName("editor");
const parents = await Promise.all(last.parentRefs.map((ref) => outputs.get(ref)));
const [writer] = new Set(parents.map((parent) => parent.producer));
console.log(`final text by ${last.producer}, made from ${parents.length} drafts of ${writer}`);
await millrace.close();
