// Random programs, answered in random order, are taken up again from every point of their record:
// they ask for nothing that was asked for before, and end as they did.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Answer } from "../../src/workflow/session.ts";
import type { WorkflowContext } from "../../src/workflow/workflow-context.ts";
import { begin, Driver, type Fn, failed, fired, matched, noop, ok } from "./session-driver.ts";

type Program =
  | { readonly do: "run" | "sleep" | "wait"; readonly name: string }
  | { readonly do: "sequence" | "all" | "race"; readonly parts: readonly Program[] }
  | { readonly do: "record"; readonly left: Program; readonly right: Program }
  | { readonly do: "loop"; readonly times: number; readonly body: Program }
  | { readonly do: "rescue"; readonly body: Program }
  /** Begins `body`, does `first`, and only then waits for `body`. */
  | { readonly do: "later"; readonly body: Program; readonly first: Program };

const { program } = fc.letrec<{ program: Program }>((tie) => {
  const name = fc.constantFrom("a", "b", "c");
  const body = tie("program");
  const parts = fc.array(body, { maxLength: 3 });
  return {
    program: fc.oneof(
      { depthSize: "medium", maxDepth: 5, withCrossShrink: true },
      fc.record({ do: fc.constantFrom("run", "run", "sleep", "wait"), name }),
      fc.record({ do: fc.constantFrom("sequence", "all"), parts }),
      fc.record({
        do: fc.constant("race" as const),
        parts: fc.array(body, { minLength: 1, maxLength: 3 }),
      }),
      fc.record({ do: fc.constant("record" as const), left: body, right: body }),
      fc.record({ do: fc.constant("loop" as const), times: fc.integer({ min: 1, max: 3 }), body }),
      fc.record({ do: fc.constant("rescue" as const), body }),
      fc.record({ do: fc.constant("later" as const), body, first: body }),
    ),
  };
});

async function play(ctx: WorkflowContext, part: Program): Promise<unknown> {
  switch (part.do) {
    case "run":
      return [await ctx.run(part.name, noop), ctx.now()];
    case "sleep":
      return ctx.sleep(part.name, 10);
    case "wait":
      return ctx.waitFor(part.name);
    case "sequence": {
      const results: unknown[] = [];
      for (const next of part.parts) results.push(await play(ctx, next));
      return results;
    }
    case "all":
      return ctx.all(part.parts.map((next) => play(ctx, next)));
    case "race":
      return Promise.race(part.parts.map((next) => play(ctx, next)));
    case "record":
      return ctx.all({ left: play(ctx, part.left), right: play(ctx, part.right) });
    case "loop": {
      let result: unknown;
      for (let round = 0; round < part.times; round++) result = await play(ctx, part.body);
      return result;
    }
    case "rescue":
      return play(ctx, part.body).catch(async (error: Error) => [
        error.message,
        await ctx.run("undo", noop),
      ]);
    case "later": {
      const later = play(ctx, part.body);
      return [await play(ctx, part.first), await later];
    }
  }
}

/** What a run has asked for when it has got its first k answers, for every k. */
interface Record {
  readonly answers: readonly Answer[];
  readonly calls: readonly string[];
  readonly callsAfter: readonly number[];
  readonly end: unknown;
}

const ANSWERS_MAX = 40;

/** Runs to the end, or for a while; `choices` decides what is answered next, and how. */
async function live(fn: Fn, choices: readonly number[]): Promise<Record> {
  const run = await begin(fn);
  const callsAfter = [run.calls.length];
  const open = [...run.calls];
  for (let turn = 0; run.end === undefined && turn < ANSWERS_MAX; turn++) {
    const choice = choices[turn % choices.length] ?? 0;
    open.push(...(await run.give(answerTo(open, choice, turn))));
    callsAfter.push(run.calls.length);
  }
  return { answers: run.answers, calls: run.calls, callsAfter, end: run.end };
}

function answerTo(open: string[], choice: number, turn: number): Answer {
  const [key] = open.splice(choice % open.length, 1);
  const [kind, id] = (key ?? "").split(":");
  if (kind === "timer") return fired(id ?? "");
  if (kind === "wait") return matched(id ?? "", turn);
  return choice % 4 === 0 ? failed(id ?? "", `failure ${turn}`) : ok(id ?? "", turn);
}

const plain = (value: unknown): unknown =>
  JSON.parse(
    JSON.stringify(value, (_key, item) => (item instanceof Error ? item.message : item)) ?? "null",
  );

const runs = fc.record({
  program,
  choices: fc.array(fc.nat(1_000), { minLength: 1, maxLength: ANSWERS_MAX }),
});

describe("a recorded run", () => {
  it("takes the same path from every point on", async () => {
    await fc.assert(
      fc.asyncProperty(runs, async ({ program: part, choices }) => {
        const fn: Fn = (ctx) => play(ctx, part);
        const record = await live(fn, choices);
        for (let known = 0; known <= record.answers.length; known++) {
          const again = new Driver(fn, record.calls.slice(0, record.callsAfter[known]));
          expect(await again.give()).toEqual([]);
          expect(await again.give(...record.answers.slice(0, known))).toEqual([]);
          await again.give(...record.answers.slice(known));
          expect(again.calls).toEqual(record.calls);
          expect(plain(again.end)).toEqual(plain(record.end));
        }
      }),
      { numRuns: 150 },
    );
  });

  it("asks again for calls that were lost with a crash, and only for those", async () => {
    await fc.assert(
      fc.asyncProperty(runs, fc.nat(), async ({ program: part, choices }, at) => {
        const fn: Fn = (ctx) => play(ctx, part);
        const record = await live(fn, choices);
        const kept = at % (record.calls.length + 1);
        const again = new Driver(fn, record.calls.slice(0, kept));
        const asked = [...(await again.give()), ...(await again.give(...record.answers))];
        expect(asked).toEqual(record.calls.slice(kept));
        expect(plain(again.end)).toEqual(plain(record.end));
      }),
    );
  });

  it("is refused when a recorded call is not the one that is made", async () => {
    await fc.assert(
      fc.asyncProperty(runs, fc.nat(), async ({ program: part, choices }, at) => {
        const fn: Fn = (ctx) => play(ctx, part);
        const record = await live(fn, choices);
        fc.pre(record.calls.length > 0);
        const changed = at % record.calls.length;
        const recorded = record.calls.map((key, index) => (index === changed ? "step:old" : key));
        const again = new Driver(fn, recorded);
        await again.give();
        await again.give(...record.answers);
        expect(again.error).toMatchObject({
          code: "E_CODE_MISMATCH",
          details: { expected: "step:old", found: record.calls[changed] },
        });
      }),
    );
  });
});
