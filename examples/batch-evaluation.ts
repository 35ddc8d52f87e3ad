/**
 * One prompt goes to many models, each a run of its own: at most three at once and so many per minute of each
 * provider, whoever else evaluates. What a model cannot answer is part of the result, and whoever watches sees
 * every evaluation end. `examples/testing/batch-evaluation.test.ts` crashes it wherever it can be crashed.
 * Prints: 5 of 6 answered, best one/a: 3; 6 evaluations seen
 */
import { graph, open, workflow } from "../src/index.ts";

/** A model of a provider. */
export interface Model {
  readonly provider: string;
  readonly name: string;
}

/** What a model made of the prompt: a score, or why there is none. */
export type Evaluation = { readonly model: string } & (
  | { readonly score: number }
  | { readonly error: string }
);

/** Asks a model; the key is the same for every attempt of one evaluation. */
export type Ask = (key: string, model: Model, prompt: string) => Promise<number>;

/** The prompt, and the models that it goes to. */
export interface Batch {
  readonly prompt: string;
  readonly models: readonly Model[];
}

const AT_ONCE = 3;

/** The evaluation of one model, and that of a batch of them. @param perMinute of each provider */
export function evaluationBy(ask: Ask, perMinute = 60) {
  const key = ({ model }: { readonly model: Model }): string => model.provider;
  const evaluate = workflow(
    "evaluate",
    {
      flow: {
        concurrency: { limit: AT_ONCE, key },
        rateLimit: { limit: perMinute, per: "1m", key },
      },
    },
    async (ctx, { model, prompt }: { model: Model; prompt: string }): Promise<Evaluation> => {
      const name = `${model.provider}/${model.name}`;
      try {
        const score = await ctx.run("ask", (step) => ask(step.idempotencyKey, model, prompt), {
          retry: { maxAttempts: 2, initial: "1s" },
        });
        return { model: name, score };
      } catch (error) {
        return { model: name, error: error instanceof Error ? error.message : String(error) };
      }
    },
  );
  const batch = graph<Batch>("batch-evaluation")
    .step("requests", (_ctx, { prompt, models }) => models.map((model) => ({ model, prompt })))
    .child("evaluations", { over: "requests", workflow: evaluate })
    .step("summary", { needs: ["evaluations"] }, (_ctx, { evaluations }) => {
      const answered = evaluations.filter((one) => "score" in one);
      const [best] = answered.toSorted((a, b) => b.score - a.score);
      return { answered: answered.length, of: evaluations.length, best: best ?? null };
    })
    .build();
  return { batch, evaluate };
}

if (import.meta.main) {
  const { batch, evaluate } = evaluationBy(async (_key, model, prompt) => {
    if (model.name === "down") throw new Error("no answer");
    return prompt.length - model.name.charCodeAt(0) + 96;
  });
  const store = process.env["MILLRACE_STORE"] ?? "memory";
  await using millrace = await open({ store, workflows: [batch, evaluate] });
  const models = ["one", "two"].flatMap((provider) =>
    ["a", "b", provider === "one" ? "c" : "down"].map((name) => ({ provider, name })),
  );
  const run = await millrace.start(batch, { prompt: "why?", models });
  const { answered, of, best } = await run.result();
  let seen = 0;
  // Whoever comes late sees all that has ended by now.
  const ends = millrace.subscribe({ workflow: "evaluate", types: ["run.completed"], live: false });
  for await (const _ of ends) seen++;
  const text = best === null ? "none" : `${best.model}: ${best.score}`;
  console.log(`${answered} of ${of} answered, best ${text}; ${seen} evaluations seen`);
}
