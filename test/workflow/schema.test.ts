// Values against schemas of any library that implements Standard Schema.
import type { StandardSchemaV1 } from "@standard-schema/spec";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { isMillraceError, type MillraceError } from "../../src/kernel/errors.ts";
import { validate } from "../../src/workflow/schema.ts";

async function refusal(schema: StandardSchemaV1, value: unknown): Promise<MillraceError> {
  return validate(schema, "input of workflow w", value).then(
    () => {
      throw new Error("it was accepted");
    },
    (error: unknown) => {
      if (isMillraceError(error, "E_SCHEMA")) return error;
      throw error;
    },
  );
}

const handmade = (
  check: (value: unknown) => ReturnType<StandardSchemaV1["~standard"]["validate"]>,
): StandardSchemaV1 => ({ "~standard": { version: 1, vendor: "test", validate: check } });

describe("validate", () => {
  it("gives the value itself where there is no schema", async () => {
    const value = {};
    expect(await validate(undefined, "x", value)).toBe(value);
  });

  it("gives what the schema makes of the value", async () => {
    expect(await validate(z.string().transform(Number), "x", "4")).toBe(4);
  });

  it("waits for schemas that take their time", async () => {
    const slow = handmade((value) => Promise.resolve({ value: [value] }));
    expect(await validate(slow, "x", 1)).toEqual([1]);
  });

  it("names the path of every issue", async () => {
    const schema = z.object({ user: z.object({ age: z.number() }), tags: z.array(z.string()) });
    const error = await refusal(schema, { user: { age: "x" }, tags: ["a", 2] });
    expect(error.message).toMatch(/^input of workflow w does not match its schema: \.user\.age: /);
    expect(error.message).toMatch(/; \.tags\[1\]: /);
    expect(error.details).toEqual({ paths: [".user.age", ".tags[1]"] });
  });

  it("says so when the value as a whole is wrong", async () => {
    const error = await refusal(z.number(), "x");
    expect(error.details).toEqual({ paths: ["."] });
  });

  it("reads paths whose segments are objects or symbols", async () => {
    const path = [{ key: "a" }, Symbol("s"), { key: 0 }];
    const error = await refusal(
      handmade(() => ({ issues: [{ message: "no", path }] })),
      1,
    );
    expect(error.details).toEqual({ paths: [".a.Symbol(s)[0]"] });
  });

  it("lists some of many issues, and all their paths", async () => {
    const error = await refusal(
      z.array(z.string()),
      Array.from({ length: 50 }, () => 1),
    );
    expect(error.message).toMatch(/; and 42 more$/);
    expect(error.details["paths"]).toHaveLength(50);
  });

  it("passes on what the schema throws", async () => {
    const broken = handmade(() => {
      throw new Error("bug in the schema");
    });
    await expect(validate(broken, "x", 1)).rejects.toThrow("bug in the schema");
  });
});
