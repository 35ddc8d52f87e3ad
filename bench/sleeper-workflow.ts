/** The workflow of the sleepers: it sleeps until a given moment, then one step runs. */
import { workflow } from "../src/index.ts";

export const sleeper = workflow("sleeper", async (ctx, due: number) => {
  await ctx.sleepUntil("nap", due);
  return ctx.run("wake", () => due);
});
