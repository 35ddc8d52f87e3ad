// What schedules refuse: each option that cannot be used, by its name, before anything is written.
import type { StandardSchemaV1 } from "@standard-schema/spec";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Millrace, open, type ScheduleOptions, workflow } from "../../src/index.ts";
import { refusal, world } from "../engine/kit/scene.ts";

const text: StandardSchemaV1<string> = {
  "~standard": {
    version: 1,
    vendor: "test",
    validate: (value) => (typeof value === "string" ? { value } : { issues: [{ message: "no" }] }),
  },
};

const picky = workflow("picky", { input: text }, (_ctx, input: string) => input);

let millrace: Millrace;
beforeAll(async () => {
  millrace = await open({ store: "memory", workflows: [picky], worker: false });
});
afterAll(() => millrace.close());

const put = (options: object): Promise<unknown> =>
  millrace.schedules.put({ id: "s", workflow: "w", every: "1h", ...options } as ScheduleOptions);

/** Options that are refused, and which of them the refusal names; or its code. */
const rows: readonly (readonly [string, object, string])[] = [
  ["an id with a dot", { id: "a.b" }, "E_ID_INVALID"],
  ["no id", { id: undefined }, "E_ID_INVALID"],
  ["an id that is millrace's own", { id: "millrace-gate" }, "E_ID_INVALID"],
  ["an id that could not be told from another in a run's id", { id: "a--b" }, "id"],
  ["an id like a time", { id: "20260329T010000000Z" }, "id"],
  ["an id that is too long", { id: "x".repeat(65) }, "id"],
  ["a workflow that is no name", { workflow: "a b" }, "E_ID_INVALID"],
  ["a workflow that is nothing", { workflow: null }, "E_ID_INVALID"],
  ["an option that nobody knows", { timezone: "UTC" }, "timezone"],
  ["both times", { cron: "0 3 * * *" }, "cron"],
  ["neither time", { every: undefined }, "cron"],
  ["a cron that is none", { every: undefined, cron: "daily" }, "cron"],
  ["a cron that is a number", { every: undefined, cron: 5 }, "cron"],
  ["a cron that is never due", { every: undefined, cron: "0 0 30 2 *" }, "cron"],
  ["a zone that is none", { every: undefined, cron: "@daily", timeZone: "Mars" }, "timeZone"],
  ["a zone without a cron", { timeZone: "UTC" }, "timeZone"],
  ["an offset with a cron", { every: undefined, cron: "@daily", offset: "1m" }, "offset"],
  ["an interval below a second", { every: 999 }, "every"],
  ["an interval that is no duration", { every: "often" }, "every"],
  ["an offset beyond the interval", { offset: "1h" }, "offset"],
  ["a start that is no time", { startAt: "tomorrow" }, "startAt"],
  ["an end that is past", { endAt: 0 }, "endAt"],
  ["an overlap policy that nobody knows", { overlap: "queue" }, "overlap"],
  ["a catch-up option that nobody knows", { catchUp: { window: "1h" } }, "window"],
  ["a catch-up that is no object", { catchUp: "1h" }, "E_OPTION_INVALID"],
  ["a catch-up of too many", { catchUp: { limit: 1_001 } }, "catchUp.limit"],
  ["a catch-up below nothing", { catchUp: { limit: -1 } }, "catchUp.limit"],
  ["a jitter that is none", { jitter: "-1s" }, "jitter"],
  ["labels that are a list", { labels: ["a"] }, "labels"],
  ["a pause that is no answer", { paused: "yes" }, "paused"],
  ["an input that is not JSON", { input: 1n }, "E_NOT_JSON"],
  ["an input that is too large", { input: "x".repeat(70_000) }, "E_TOO_LARGE"],
  ["an input that the workflow refuses", { workflow: "picky", input: 7 }, "E_SCHEMA"],
];

describe("schedules.put() refuses", () => {
  it.each(rows)("%s", async (_what, options, expected) => {
    const error = await refusal(put(options));
    if (expected.startsWith("E_")) expect(error).toMatchObject({ code: expected });
    else expect(error).toMatchObject({ code: "E_OPTION_INVALID", details: { option: expected } });
    expect(await millrace.schedules.list()).toEqual([]);
  });
});

describe("a schedule that is not there", () => {
  const calls: readonly (readonly [string, () => Promise<unknown>])[] = [
    ["get", () => millrace.schedules.get("none")],
    ["pause", () => millrace.schedules.pause("none")],
    ["resume", () => millrace.schedules.resume("none")],
    ["trigger", () => millrace.schedules.trigger("none")],
    ["backfill", () => millrace.schedules.backfill("none", { from: 0, to: 1 })],
  ];
  it.each(calls)("is refused by %s", async (_call, call) => {
    expect(await refusal(call())).toMatchObject({
      ...{ code: "E_SCHEDULE_NOT_FOUND", details: { schedule: "none" } },
    });
  });
});

describe("what a schedule is", () => {
  it("is a copy, in and out", async () => {
    const one = await open({ store: "memory", worker: false });
    const input = { of: "sales" };
    await one.schedules.put({ id: "s", workflow: "w", input, every: "1h", labels: { a: "b" } });
    input.of = "changed";
    const seen = (await one.schedules.get("s")) as unknown as Record<string, typeof input>;
    expect(seen).toMatchObject({ input: { of: "sales" }, labels: { a: "b" }, recent: [] });
    for (const part of [seen["input"], seen["labels"]]) if (part !== undefined) part.of = "changed";
    expect(await one.schedules.get("s")).toMatchObject({ input: { of: "sales" } });
    expect((await one.schedules.list())[0]?.labels).toEqual({ a: "b" });
    await one.close();
  });
});

describe("orders are refused", () => {
  it("with options that cannot be used, or too many of them", async () => {
    const one = await open({ store: "memory", worker: false });
    const { schedules } = one;
    await schedules.put({ id: "s", workflow: "w", every: "1s" });
    const now = world.clock.now();
    for (const [call, option] of [
      [schedules.trigger("s", { overlap: "queue" as never }), "overlap"],
      [schedules.trigger("s", { id: "x".repeat(33) }), "id"],
      [schedules.trigger("s", { id: "20260329T010000000Z" }), "id"],
      [schedules.backfill("s", { from: now, to: now - 1 }), "to"],
      [schedules.backfill("s", { from: now, to: now + 60_000 }), "to"],
      [schedules.backfill("s", { from: "yesterday", to: now }), "from"],
      [schedules.backfill("s", { from: 0, to: now }), "from"],
    ] as const) {
      expect(await refusal(call)).toMatchObject({
        ...{ code: "E_OPTION_INVALID", details: { option } },
      });
    }
    for (let nth = 0; nth < 100; nth++) await schedules.trigger("s");
    expect(await refusal(schedules.trigger("s"))).toMatchObject({ code: "E_COMMAND_REFUSED" });
    await one.close();
  });
});
