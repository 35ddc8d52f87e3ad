/**
 * The graph style: steps that name what they need, with the results of those steps typed into their
 * input.
 *
 *   graph<{ dir: string }>("count")
 *     .step("list", (ctx, { dir }) => filesIn(dir))
 *     .map("parse", { over: "list", concurrency: 8 }, (ctx, file) => words(file))
 *     .step("merge", { needs: ["parse"] }, (ctx, { parse }) => merge(parse))
 *     .build();
 */
import type { StandardSchemaV1 } from "@standard-schema/spec";
import { compileGraph, type GraphHeader, readGraphHeader } from "./compile.ts";
import { type Declared, declareMap, declareStep } from "./declare.ts";
import { declareChild } from "./declare-child.ts";
import { declareApproval, declareSleep, declareWaitFor } from "./declare-wait.ts";
import type { GraphWorkflow } from "./definition.ts";
import type { GraphBuilder } from "./graph-builder.ts";
import type { BatchedGraph, GraphOptions, MaybeSchema } from "./workflow-options.ts";

type OutOf<Out> = Out extends StandardSchemaV1 ? StandardSchemaV1.InferOutput<Out> : never;

/** A graph without steps. */
type Fresh<In, Run, Out> = GraphBuilder<In, Run, Record<never, never>, never, OutOf<Out>>;

/**
 * Begins a graph workflow.
 * @param name 1 to 128 of `A-Z a-z 0-9 _ -`, the first a letter or digit
 * @throws MillraceError `E_ID_INVALID`, `E_DEF_INVALID`
 */
export function graph<In extends StandardSchemaV1, Out extends MaybeSchema = undefined>(
  name: string,
  options: BatchedGraph<In, Out, StandardSchemaV1.InferOutput<In>> & { readonly input: In },
): Fresh<StandardSchemaV1.InferInput<In>, StandardSchemaV1.InferOutput<In>[], Out>;
export function graph<In = unknown, Out extends MaybeSchema = undefined>(
  name: string,
  options: BatchedGraph<undefined, Out, In>,
): Fresh<In, In[], Out>;
export function graph<In extends StandardSchemaV1, Out extends MaybeSchema = undefined>(
  name: string,
  options: GraphOptions<In, Out, StandardSchemaV1.InferOutput<In>> & { readonly input: In },
): Fresh<StandardSchemaV1.InferInput<In>, StandardSchemaV1.InferOutput<In>, Out>;
export function graph<In = unknown, Out extends MaybeSchema = undefined>(
  name: string,
  options?: GraphOptions<undefined, Out, In>,
): Fresh<In, In, Out>;
export function graph(name: string, options?: unknown): unknown {
  return builder(readGraphHeader(name, options), undefined);
}

/** Steps declared so far, the last first: adding one copies nothing. */
interface Chain {
  readonly last: Declared;
  readonly before: Chain | undefined;
}

/** `GraphBuilder` without its types, which only the compiler needs. */
interface UntypedBuilder {
  step(name: unknown, ...rest: readonly unknown[]): UntypedBuilder;
  map(name: unknown, options: unknown, fn: unknown): UntypedBuilder;
  sleep(name: unknown, options: unknown): UntypedBuilder;
  waitFor(name: unknown, options?: unknown): UntypedBuilder;
  approve(name: unknown, options: unknown): UntypedBuilder;
  child(name: unknown, options: unknown): UntypedBuilder;
  returns(name: string): { build(): GraphWorkflow };
  build(): GraphWorkflow;
}

function builder(header: GraphHeader, chain: Chain | undefined): UntypedBuilder {
  const after = (last: Declared): UntypedBuilder => builder(header, { last, before: chain });
  const build = (returns?: string): GraphWorkflow => compileGraph(header, listOf(chain), returns);
  return Object.freeze({
    step: (name: unknown, ...rest: readonly unknown[]) =>
      after(
        rest.length < 2 ? declareStep(name, undefined, rest[0]) : declareStep(name, ...pair(rest)),
      ),
    map: (name: unknown, options: unknown, fn: unknown) => after(declareMap(name, options, fn)),
    sleep: (name: unknown, options: unknown) => after(declareSleep(name, options)),
    waitFor: (name: unknown, options?: unknown) => after(declareWaitFor(name, options)),
    approve: (name: unknown, options: unknown) => after(declareApproval(name, options)),
    child: (name: unknown, options: unknown) => after(declareChild(name, options)),
    returns: (name: string) => Object.freeze({ build: () => build(name) }),
    build: () => build(),
  });
}

const pair = ([options, fn]: readonly unknown[]): [unknown, unknown] => [options, fn];

function listOf(chain: Chain | undefined): Declared[] {
  const list: Declared[] = [];
  for (let link = chain; link !== undefined; link = link.before) list.push(link.last);
  return list.reverse();
}
