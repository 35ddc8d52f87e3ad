/** Random small workflows whose result depends on their structure and input only, never on time. */
import fc from "fast-check";
import {
  graph,
  type RunHandle,
  TerminalError,
  type Workflow,
  workflow,
} from "../../../src/index.ts";
import { type Clock, pause } from "../../../src/kernel/clock.ts";
import { digest } from "../../../src/kernel/json.ts";
import type { GraphBuilder } from "../../../src/workflow/graph-builder.ts";
import type { StepContext } from "../../../src/workflow/step-context.ts";
import type { WorkflowContext } from "../../../src/workflow/workflow-context.ts";

/** How one step behaves. */
export interface StepSpec {
  /** So many first attempts throw. */
  readonly fails: number;
  readonly ms: number;
  /** It can be undone. */
  readonly undo: boolean;
}

export interface GraphSpec {
  readonly kind: "graph";
  readonly steps: readonly (StepSpec & {
    readonly shape: "plain" | "list" | "map" | "maybe" | "sleep" | "wait" | "approve";
    /** Which of the steps before it, counted from the front and taken modulo their number. */
    readonly needs: readonly number[];
    readonly chosen: boolean;
    readonly concurrency: number;
  })[];
  /** The step that fails for good, if there is one of that number. */
  readonly broken: number;
  /** Everything that does not need it goes on. */
  readonly goesOn: boolean;
  readonly atOnce: number;
}

export type Op =
  | ({ readonly op: "run" } & StepSpec)
  | ({ readonly op: "broken" } & StepSpec)
  | { readonly op: "sleep"; readonly ms: number }
  | { readonly op: "approve" }
  | { readonly op: "all"; readonly branches: readonly (readonly Op[])[] };

export interface CodeSpec {
  readonly kind: "code";
  /** A signal is waited for after each part. */
  readonly parts: readonly (readonly Op[])[];
}

export type Spec = GraphSpec | CodeSpec;

const step = {
  fails: fc.integer({ min: 0, max: 2 }),
  ms: fc.integer({ min: 0, max: 2_500 }),
  undo: fc.boolean(),
};

export const graphSpecs: fc.Arbitrary<GraphSpec> = fc.record({
  kind: fc.constant("graph"),
  steps: fc.array(
    fc.record({
      ...step,
      shape: fc.constantFrom("plain", "list", "map", "maybe", "sleep", "wait", "approve"),
      needs: fc.array(fc.nat(20), { maxLength: 3 }),
      chosen: fc.boolean(),
      concurrency: fc.integer({ min: 1, max: 4 }),
    }),
    { minLength: 1, maxLength: 8 },
  ),
  broken: fc.integer({ min: 0, max: 30 }),
  goesOn: fc.boolean(),
  atOnce: fc.integer({ min: 1, max: 6 }),
});

const { ops } = fc.letrec<{ op: Op; ops: Op[] }>((tie) => ({
  op: fc.oneof(
    { depthSize: "small" },
    fc.record({ op: fc.constant("run" as const), ...step }),
    fc.record({ op: fc.constant("broken" as const), ...step }),
    fc.record({ op: fc.constant("sleep" as const), ms: fc.integer({ min: 0, max: 20_000 }) }),
    fc.record({ op: fc.constant("approve" as const) }),
    fc.record({
      op: fc.constant("all" as const),
      branches: fc.array(tie("ops"), { maxLength: 3 }),
    }),
  ),
  ops: fc.array(tie("op"), { maxLength: 4 }),
}));

export const codeSpecs: fc.Arbitrary<CodeSpec> = fc.record({
  kind: fc.constant("code"),
  parts: fc.array(ops, { minLength: 1, maxLength: 3 }),
});

/**
 * Answers what the workflow waits for: before it does, twice, and once by somebody who may not. What has
 * ended refuses to be told anything.
 */
export async function answerAll(run: RunHandle<unknown>, spec: Spec): Promise<void> {
  const words = spec.kind === "code" ? spec.parts.map(() => "word") : named(spec, "wait");
  const asked = spec.kind === "code" ? approvals(spec.parts.flat()) : named(spec, "approve");
  for (const [nth, word] of words.entries()) {
    for (const _twice of [1, 2]) await run.signal(word, nth, { id: `word-${nth}` }).catch(String);
  }
  for (const name of asked) {
    const id = (who: string): string => `${who}-${name.replace("#", "-")}`;
    await run.approve(name, { by: "mallory", id: id("mallory") }).catch(String);
    for (const _twice of [1, 2]) {
      await run.reject(name, { by: "grace", id: id("grace") }).catch(String);
    }
  }
}

const named = ({ steps }: GraphSpec, shape: string): string[] =>
  steps.flatMap((one, index) => (one.shape === shape ? [`s${index}`] : []));

function approvals(ops: readonly Op[]): string[] {
  const count = (list: readonly Op[]): number =>
    list.reduce((sum, op) => {
      if (op.op === "all") return sum + count(op.branches.flat());
      return sum + (op.op === "approve" ? 1 : 0);
    }, 0);
  return Array.from({ length: count(ops) }, (_, nth) => (nth === 0 ? "ok" : `ok#${nth + 1}`));
}

/** What happens outside: told of every execution. */
export interface Outside {
  readonly clock: Clock;
  executed(ctx: StepContext): void;
}

/** Enough attempts for every crash that a test can think of. */
const RETRY = { retry: { maxAttempts: 200, initial: 10, max: 500 } } as const;

async function behave(outside: Outside, { fails, ms }: StepSpec, ctx: StepContext): Promise<void> {
  outside.executed(ctx);
  await pause(outside.clock, ms, ctx.signal);
  if (ctx.attempt <= fails) throw new Error(`attempt ${ctx.attempt} of ${fails} that fail`);
}

/** Undoing fails as often as doing. */
const undoing = (outside: Outside, one: StepSpec): object =>
  one.undo ? { undo: (ctx: StepContext) => behave(outside, one, ctx) } : {};

export const build = (spec: Spec, outside: Outside): Workflow<never, unknown> =>
  spec.kind === "graph" ? buildGraph(spec, outside) : buildCode(spec, outside);

type AnyGraph = GraphBuilder<unknown, unknown, Record<string, unknown>, unknown, never>;

function buildGraph(spec: GraphSpec, outside: Outside): Workflow<never, unknown> {
  const onFailure = spec.goesOn ? "continue" : "fail-fast";
  const options = { onFailure, concurrency: spec.atOnce } as const;
  let builder = graph("random", options) as unknown as AnyGraph;
  const names: string[] = [];
  const lists: string[] = [];
  for (const [index, one] of spec.steps.entries()) {
    const name = `s${index}`;
    const run = async (ctx: StepContext, input: unknown): Promise<unknown> => {
      await behave(outside, one, ctx);
      if (index === spec.broken) throw new TerminalError(`${name} is broken`);
      const mark = digest(timeless([name, input])).slice(0, 8);
      return one.shape === "list"
        ? Array.from({ length: one.ms % 5 }, (_, nth) => [mark, nth])
        : mark;
    };
    const over = lists.at(one.ms % Math.max(1, lists.length));
    const wait = waitOf(builder, name, one, names);
    if (wait !== undefined) {
      builder = wait;
    } else if (one.shape === "map" && over !== undefined) {
      builder = builder.map(
        name,
        { over, concurrency: one.concurrency, ...RETRY, ...undoing(outside, one) },
        run,
      );
    } else {
      const when = one.shape === "maybe" ? { when: () => one.chosen } : {};
      builder = builder.step(
        name,
        { needs: needsOf(one, names), ...when, ...RETRY, ...undoing(outside, one) },
        run,
      );
    }
    names.push(name);
    if (one.shape === "list") lists.push(name);
  }
  // What an approval came to has its time.
  const end = (_ctx: StepContext, input: unknown): string => timeless(input);
  return builder.step("end", { needs: names.slice(-1) }, end).build() as Workflow<never, unknown>;
}

const timeless = (value: unknown): string =>
  JSON.stringify(value, (key, part: unknown) => (key === "at" ? undefined : part));

const needsOf = ({ needs }: GraphSpec["steps"][number], names: readonly string[]): string[] => {
  const chosen = needs.map((need) => names[need % Math.max(1, names.length)] ?? "");
  return [...new Set(chosen)].filter(Boolean);
};

function waitOf(
  builder: AnyGraph,
  name: string,
  one: GraphSpec["steps"][number],
  names: readonly string[],
): AnyGraph | undefined {
  const common = { needs: needsOf(one, names), ...(one.undo ? { when: () => one.chosen } : {}) };
  if (one.shape === "sleep") return builder.sleep(name, { ...common, for: one.ms * 4 });
  if (one.shape === "wait") return builder.waitFor(name, common);
  if (one.shape !== "approve") return undefined;
  const prompt = (): string => `what about ${name}?`;
  return builder.approve(name, { ...common, prompt, approvers: ["grace"] });
}

function buildCode(spec: CodeSpec, outside: Outside): Workflow<never, unknown> {
  const perform = async (ctx: WorkflowContext, ops: readonly Op[]): Promise<unknown[]> => {
    const results: unknown[] = [];
    for (const op of ops) results.push(await one(ctx, op));
    return results;
  };
  const one = async (ctx: WorkflowContext, op: Op): Promise<unknown> => {
    switch (op.op) {
      case "run":
        return ctx.run("step", (step) => behave(outside, op, step).then(() => op.ms), {
          ...RETRY,
          ...undoing(outside, op),
        });
      case "broken":
        return ctx
          .run(
            "broken",
            async (step) => {
              await behave(outside, { ...op, fails: 0 }, step);
              throw new TerminalError("broken");
            },
            RETRY,
          )
          .catch((error: Error) => error.message.replace(/#\d+/, ""));
      case "sleep":
        await ctx.sleep("nap", op.ms);
        return "slept";
      case "approve": {
        const { approved, by } = await ctx.approve("ok", { prompt: "?", approvers: ["grace"] });
        return `${by}: ${approved}`;
      }
      case "all":
        return ctx.all(op.branches.map((branch) => perform(ctx, branch)));
    }
  };
  return workflow("random", async (ctx) => {
    const results: unknown[] = [];
    for (const part of spec.parts) {
      results.push(await perform(ctx, part), await ctx.waitFor("word"));
    }
    return results;
  }) as Workflow<never, unknown>;
}
