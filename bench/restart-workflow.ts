/**
 * The workflow of the restart benchmark: many steps in a row; each leaves a line with its id, its
 * process and the time it began. `define` is the sources' or the built package's `workflow`.
 */
import { appendFileSync } from "node:fs";
import type { CodeWorkflow, workflow } from "../src/index.ts";

export const RESTART_STEPS = 200;

export const restartWorkflow = (define: typeof workflow): CodeWorkflow<string, unknown> =>
  define("restart", async (ctx, file: string) => {
    for (let index = 0; index < RESTART_STEPS; index++) {
      await ctx.run(`step-${index}`, (step) => {
        appendFileSync(file, `${step.step} ${process.pid} ${Date.now()}\n`);
      });
    }
  });
