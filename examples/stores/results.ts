/**
 * The result store: one process stores what a function returned, another waits for it by event; where a
 * value lives is looked up. Prints: sum of squares: 30
 */
import { open } from "../../src/index.ts";

const millrace = await open({ store: "memory" });
const { results } = millrace.stores;

async function consumer(): Promise<number> {
  const squares = await results.getResult("dag-1", "squares", 5_000);
  return (squares as number[]).reduce((sum, square) => sum + square, 0);
}

const sum = consumer();
await results.store(
  "dag-1",
  "squares",
  [1, 2, 3, 4].map((number) => number ** 2),
);
console.log(`sum of squares: ${await sum}`);
await millrace.close();
