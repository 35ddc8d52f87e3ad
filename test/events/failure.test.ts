// Whatever is thrown becomes a bounded, plain record; recording it never throws.
import assert from "node:assert/strict";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Failure } from "../../machines/values.ts";
import { toFailure } from "../../src/events/failure.ts";
import { openFrame, sealFrame } from "../../src/events/frame.ts";
import { MillraceError, TerminalError } from "../../src/kernel/errors.ts";
import { limits } from "../../src/kernel/limits.ts";

const MEGABYTE = "x".repeat(1_000_000);
const hostile = (name: string): Error =>
  Object.defineProperty(new Error("m"), name, { get: () => assert.fail("asked") });
const trapped = (target: object): object =>
  new Proxy(target, {
    get: () => assert.fail("get"),
    has: () => assert.fail("has"),
    getPrototypeOf: () => assert.fail("getPrototypeOf"),
    ownKeys: () => assert.fail("ownKeys"),
  });

function bounded(failure: Failure, depth = 0): void {
  assert.ok(depth <= limits.errorCauseDepthMax);
  assert.ok(failure.code.length <= 128);
  assert.ok(failure.message.length <= limits.errorMessageCharsMax);
  assert.ok((failure.stack ?? "").length <= limits.errorStackCharsMax);
  assert.deepEqual(JSON.parse(JSON.stringify(failure)), failure);
  if (failure.cause !== undefined) bounded(failure.cause, depth + 1);
}

describe("toFailure", () => {
  it("keeps code, message, stack and causes", () => {
    const root = Object.assign(new Error("no such file"), { code: "ENOENT" });
    const error = new MillraceError("E_STEP_FAILED", "step a failed", {
      cause: new TypeError("bad", { cause: root }),
    });
    expect(toFailure(error)).toEqual({
      code: "E_STEP_FAILED",
      message: "step a failed",
      stack: error.stack,
      cause: {
        code: "TypeError",
        message: "bad",
        stack: expect.any(String) as string,
        cause: { code: "ENOENT", message: "no such file", stack: root.stack },
      },
    });
    expect(toFailure(new TerminalError("no")).code).toBe("E_TERMINAL");
  });

  it.each<readonly [string, unknown, string]>([
    ["null", null, "null"],
    ["undefined", undefined, "undefined"],
    ["text", "boom", "boom"],
    ["a number", 5, "5"],
    ["a bigint", 5n, "5"],
    ["a symbol", Symbol("s"), "Symbol(s)"],
    ["an object", { a: 1 }, '{"a":1}'],
    ["an object that JSON refuses", { a: 1n }, "a thrown object"],
    ["a trapped proxy", trapped({}), "a thrown object"],
    ["a trapped error", trapped(new Error("m")), "a thrown object"],
    ["an object without prototype", Object.create(null), "{}"],
    ["an object whose JSON is no text", { toJSON: () => undefined }, "a thrown object"],
  ])("takes %s", (_what, thrown, message) => {
    expect(toFailure(thrown)).toEqual({ code: "Error", message });
  });

  it.each(["message", "stack", "cause", "code", "name"])(
    "does without a %s whose getter throws",
    (name) => {
      const failure = toFailure(hostile(name));
      bounded(failure);
      expect(failure.message).toBe(name === "message" ? "" : "m");
    },
  );

  it("survives a revoked proxy, and one as a cause", () => {
    const { proxy, revoke } = Proxy.revocable(new Error("m"), {});
    revoke();
    expect(toFailure(proxy).code).toBe("Error");
    bounded(toFailure(new Error("m", { cause: proxy })));
  });

  it("ignores fields that are not text", () => {
    const odd = Object.assign(new Error("m"), { code: 5, stack: {}, name: Symbol("n") });
    expect(toFailure(odd)).toEqual({ code: "Error", message: "m" });
  });

  it("bounds the message, the stack, the code, and says that it did", () => {
    const error = Object.assign(new Error(MEGABYTE), { code: MEGABYTE });
    const failure = toFailure(error);
    bounded(failure);
    expect(failure.message.endsWith("…")).toBe(true);
    expect(failure.stack?.endsWith("…")).toBe(true);
    bounded(toFailure(MEGABYTE));
    bounded(toFailure({ MEGABYTE }));
  });

  it("bounds a chain of causes, a circle of them too", () => {
    const circle = new Error("self");
    circle.cause = new Error("other", { cause: circle });
    bounded(toFailure(circle));
    let long = new Error("first");
    for (let link = 0; link < 10_000; link++) long = new Error(`link ${link}`, { cause: long });
    bounded(toFailure(long));
  });

  it("fits a frame at its very largest", () => {
    const worst = "\u0001".repeat(1_000_000);
    let error = Object.assign(new Error(worst), { stack: worst });
    for (let link = 0; link < 10; link++) {
      error = Object.assign(new Error(worst, { cause: error }), { stack: worst });
    }
    const failure = toFailure(error);
    bounded(failure);
    const json = Buffer.byteLength(JSON.stringify(failure));
    expect(json + limits.frameBytesTarget).toBeLessThan(limits.frameBytesMax);
    const event = { type: "run.failed", at: 1, error: failure } as const;
    const writer = { node: "n", epoch: 1 };
    const frame = { commit: "c", writer, at: 1, seq: 1, inbox: 0, events: [event] };
    expect(openFrame("r", sealFrame("r", "-", frame).bytes).frame).toEqual(frame);
  });

  it("knows an error of another realm, where `instanceof` does not", () => {
    const foreign: unknown = runInNewContext('Object.assign(new TypeError("m"), { code: "E_X" })');
    expect(foreign instanceof Error).toBe(false);
    expect(toFailure(foreign)).toMatchObject({ code: "E_X", message: "m" });
  });

  it("takes anything at all", () => {
    const anything = fc.anything({ withBigInt: true, withDate: true, withNullPrototype: true });
    const property = fc.property(anything, fc.boolean(), (thrown, wrapped) => {
      bounded(toFailure(wrapped ? new Error("m", { cause: thrown }) : thrown));
    });
    fc.assert(property, { numRuns: 500 });
  });
});
