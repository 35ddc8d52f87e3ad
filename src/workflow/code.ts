/**
 * The code style: a workflow as one async function.
 *
 *   workflow("order", async (ctx, order: Order) => {
 *     const payment = await ctx.run("charge", (step) => charge(order, step.idempotencyKey));
 *     await ctx.sleep("cool-off", "1d");
 *     return ctx.run("ship", () => ship(order, payment));
 *   });
 */
import type { StandardSchemaV1 } from "@standard-schema/spec";
import { compileCode, readHeader } from "./compile.ts";
import type { CodeWorkflow } from "./definition.ts";
import type { WorkflowContext } from "./workflow-context.ts";
import type { Batched, MaybeSchema, ResultOf, WorkflowOptions } from "./workflow-options.ts";

/**
 * A code workflow. The function is run again from its beginning whenever the run is taken up, so it
 * must be deterministic between its calls of `ctx` (see `WorkflowContext`).
 * @param name 1 to 128 of `A-Z a-z 0-9 _ -`, the first a letter or digit
 * @throws MillraceError `E_ID_INVALID`, `E_DEF_INVALID`
 */
export function workflow<T, In = unknown>(
  name: string,
  fn: (ctx: WorkflowContext, input: In) => T,
): CodeWorkflow<In, ResultOf<T, undefined>>;
export function workflow<T, In extends StandardSchemaV1, Out extends MaybeSchema = undefined>(
  name: string,
  options: Batched<In, Out, StandardSchemaV1.InferOutput<In>> & { readonly input: In },
  fn: (ctx: WorkflowContext, inputs: StandardSchemaV1.InferOutput<In>[]) => T,
): CodeWorkflow<StandardSchemaV1.InferInput<In>, ResultOf<T, Out>>;
export function workflow<T, In = unknown, Out extends MaybeSchema = undefined>(
  name: string,
  options: Batched<undefined, Out, In>,
  fn: (ctx: WorkflowContext, inputs: In[]) => T,
): CodeWorkflow<In, ResultOf<T, Out>>;
export function workflow<T, In extends StandardSchemaV1, Out extends MaybeSchema = undefined>(
  name: string,
  options: WorkflowOptions<In, Out, StandardSchemaV1.InferOutput<In>> & { readonly input: In },
  fn: (ctx: WorkflowContext, input: StandardSchemaV1.InferOutput<In>) => T,
): CodeWorkflow<StandardSchemaV1.InferInput<In>, ResultOf<T, Out>>;
export function workflow<T, In = unknown, Out extends MaybeSchema = undefined>(
  name: string,
  options: WorkflowOptions<undefined, Out, In>,
  fn: (ctx: WorkflowContext, input: In) => T,
): CodeWorkflow<In, ResultOf<T, Out>>;
export function workflow(name: string, ...rest: readonly unknown[]): CodeWorkflow {
  const [options, fn] = rest.length < 2 ? [undefined, rest[0]] : rest;
  return compileCode(readHeader(name, options), fn);
}
