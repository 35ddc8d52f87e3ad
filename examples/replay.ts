/**
 * Looks back at a run that has ended: each event with the run before and after it, the run as it was at
 * one of them, and what became different. Prints: 2 completions; at event 3: running; then count: completed
 */
import { graph, open, type StateView } from "../src/index.ts";

const words = graph<string>("words")
  .step("split", (_ctx, text) => text.split(" "))
  .step("count", { needs: ["split"] }, (_ctx, { split }) => split.length)
  .build();

const store = process.env["MILLRACE_STORE"] ?? "memory";
const millrace = await open({ store, workflows: [words] });
const run = await millrace.start(words, "no code runs again", { id: "words-1" });
await run.result();

const done = (view: StateView | null): number =>
  view?.steps.filter(({ status }) => status === "completed").length ?? 0;
let completions = 0;
for await (const { before, after } of millrace.replay(run.id)) {
  completions += done(after) - done(before);
}
const { status } = await millrace.stateAt(run.id, 3);
const diff = await millrace.diff(run.id, 3, { time: Date.now() });
const count = diff.steps.find(({ after }) => after?.step === "count")?.after?.status;
console.log(`${completions} completions; at event 3: ${status}; then count: ${count}`);
await millrace.close();
