/**
 * An agent: a model thinks, tools do what it asks for, at most five times. Paying more than 1,000 needs a
 * person's approval, more than 10,000 a second one; when nobody decides in time, it is escalated. What the
 * model says is streamed token by token while it thinks. While it waits for people no process holds it, and
 * what the model has said is never asked of it again, whatever crashes.
 * Prints: A-1 paid; A-2 paid, approved by Grace; A-3 not paid, Ada: too much; B-1 escalated
 */
import {
  type Duration,
  open,
  type StepContext,
  type WorkflowContext,
  workflow,
} from "../src/index.ts";

/** What the agent is to do: pay invoices, by id and amount. */
export interface Task {
  readonly invoices: readonly (readonly [id: string, amount: number])[];
  /** How long people may take to decide. */
  readonly patience: Duration;
}

/** What the model wants to be done. */
interface Call {
  readonly invoice: string;
  readonly amount: number;
}

/** What the model says: calls of tools, or its last word. */
interface Thought {
  readonly calls: readonly Call[];
  readonly text: string;
}

/** The model and the tools: what costs money, outside. */
export interface Outside {
  think(step: StepContext, task: Task, results: readonly string[]): Promise<Thought>;
  pay(key: string, call: Call): Promise<unknown>;
}

const TURNS_MAX = 5;

/** The workflow, with its model and tools. */
export const agentWith = (outside: Outside) =>
  workflow("agent", async (ctx, task: Task) => {
    const results: string[] = [];
    for (let turn = 0; turn < TURNS_MAX; turn++) {
      const known = [...results];
      const { calls, text } = await ctx.run("think", (step) => outside.think(step, task, known));
      if (calls.length === 0) return text;
      results.push(...(await ctx.all(calls.map((call) => perform(ctx, outside, task, call)))));
    }
    return `gave up after ${TURNS_MAX} turns: ${results.join("; ")}`;
  });

async function perform(
  ctx: WorkflowContext,
  outside: Outside,
  { patience }: Task,
  call: Call,
): Promise<string> {
  const { invoice, amount } = call;
  const asked = [...(amount > 1_000 ? ["pay"] : []), ...(amount > 10_000 ? ["again"] : [])];
  let approved = "";
  for (const what of asked) {
    const prompt = `${what === "again" ? "really pay" : "pay"} ${amount} for ${invoice}?`;
    const decision = await ctx.approve(`${what}-${invoice}`, { prompt, timeout: patience });
    if (decision.timedOut) return `${invoice} escalated`;
    const said = decision.comment === null ? "" : `: ${decision.comment}`;
    if (!decision.approved) return `${invoice} not paid, ${decision.by}${said}`;
    approved += `${approved === "" ? ", approved by" : " and"} ${decision.by}`;
  }
  await ctx.run("pay", (step) => outside.pay(step.idempotencyKey, call));
  return `${invoice} paid${approved}`;
}

/** A model that always thinks the same: it asks for all invoices at once, then says what came of it. */
export async function think(
  step: StepContext,
  { invoices }: Task,
  results: readonly string[],
): Promise<Thought> {
  const words = results.length === 0 ? "I shall pay these invoices" : "that is all";
  // Somebody may be reading along: subscribe to `output.emitted` of the run.
  for (const word of words.split(" ")) await step.emit("token", word);
  if (results.length > 0) return { calls: [], text: results.join("; ") };
  return { calls: invoices.map(([invoice, amount]) => ({ invoice, amount })), text: words };
}

if (import.meta.main) {
  const agent = agentWith({ think, pay: async () => undefined });
  const store = process.env["MILLRACE_STORE"] ?? "memory";
  const millrace = await open({ store, workflows: [agent], parkAfter: "20ms" });
  const invoices = [
    ["A-1", 900],
    ["A-2", 5_000],
    ["A-3", 7_000],
  ] as const;
  const run = await millrace.start(agent, { invoices, patience: "1h" });
  const late = await millrace.start(agent, { invoices: [["B-1", 2_000]], patience: "100ms" });
  for await (const event of run.events({ types: ["wait.opened", "run.completed"] })) {
    if (event.type !== "wait.opened") break;
    if (event.wait === "pay-A-2") await run.approve(event.wait, { by: "Grace" });
    else await run.reject(event.wait, { by: "Ada", comment: "too much" });
  }
  console.log(`${await run.result()}; ${await late.result()}`);
  await millrace.close();
}
