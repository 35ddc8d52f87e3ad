// Ids, randomness, durations, limits, errors: small promises that everything else relies on.
import assert from "node:assert/strict";
import { inspect } from "node:util";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { millis } from "../../src/kernel/duration.ts";
import {
  errorCodes,
  isMillraceError,
  MillraceError,
  RetryableError,
  TerminalError,
} from "../../src/kernel/errors.ts";
import { checkId, ID_PATTERN, seededIds, systemIds } from "../../src/kernel/ids.ts";
import { limits } from "../../src/kernel/limits.ts";
import { seededRandom, systemRandom } from "../../src/kernel/random.ts";

/** Each value with a name for its test. */
const shown = (values: readonly unknown[]): (readonly [string, unknown])[] =>
  values.map((value) => [inspect(value).slice(0, 40), value]);

const thrown = (code: string) =>
  expect.objectContaining({ code, name: "MillraceError" }) as MillraceError;

describe("ids", () => {
  it.each(["a", "A9", "0", "a-b_c", "x".repeat(128), "constructor", "con", "NUL"])(
    "accepts %s",
    (id) => {
      expect(checkId("run id", id)).toBe(id);
    },
  );

  it.each<readonly [string, unknown]>(
    shown([
      "",
      ".",
      "a.b",
      "*",
      ">",
      "a b",
      "a\t",
      "a\n",
      "a\r\nPUB x 1",
      "\0",
      "\u0085",
      "\u00a0",
      "\u2028",
      "a\u200bb",
      "\u202ea",
      "é",
      "e\u0301",
      "🙂",
      "\ud800",
      "x".repeat(129),
      "x".repeat(5_000),
      "$JS",
      "_INBOX",
      "-a",
      "_a",
      "__proto__",
      "../../etc/passwd",
      "a/b",
      "a\\b",
      "%2e",
      7,
      null,
      undefined,
      {},
      ["a"],
      Object("a"),
      { toString: () => "a" },
      Symbol("a"),
      5n,
    ]),
  )("refuses %s", (_, id) => {
    expect(() => checkId("run id", id)).toThrow(thrown("E_ID_INVALID"));
  });

  it("says in one short line what is wrong, whatever the id holds", () => {
    const property = fc.property(fc.string({ unit: "binary", maxLength: 60 }), (id) => {
      fc.pre(!ID_PATTERN.test(id));
      try {
        checkId("step name", id);
        assert.fail("accepted");
      } catch (error) {
        assert.ok(isMillraceError(error, "E_ID_INVALID"));
        assert.ok(!error.message.includes("\n"));
        assert.ok(error.message.length < 600);
      }
    });
    fc.assert(property);
  });

  it("are usable and new each time", () => {
    const made = Array.from({ length: 500 }, () => systemIds());
    expect(new Set(made).size).toBe(500);
    for (const id of made) expect(id).toMatch(ID_PATTERN);
    for (const id of made) expect(id).toHaveLength(20);
  });

  it("are the same from the same seed", () => {
    const ids = seededIds(seededRandom(1));
    expect([ids(), ids()]).toEqual(["syn8FiqDIRlAmBAdH1d1", "6dDaATrRnrovnFexzZZC"]);
  });
});

describe("randomness", () => {
  it.each([
    [0, [0.26642920868471265, 0.0003297457005828619, 0.2232720274478197]],
    [1, [0.6270739405881613, 0.002735721180215478, 0.5274470399599522]],
    [42, [0.6011037519201636, 0.44829055899754167, 0.8524657934904099]],
    [4294967295, [0.8964226141106337, 0.189478256739676, 0.7156526781618595]],
  ])("from seed %d is the same everywhere", (seed, expected) => {
    const random = seededRandom(seed);
    expect(expected.map(() => random.next())).toEqual(expected);
  });

  it("is in [0, 1), and spread evenly", () => {
    for (const random of [seededRandom(7), systemRandom]) {
      const tenths = new Array<number>(10).fill(0);
      for (let draw = 0; draw < 10_000; draw++) {
        const tenth = Math.floor(random.next() * 10);
        tenths[tenth] = (tenths[tenth] ?? Number.NaN) + 1;
      }
      expect(tenths).toHaveLength(10);
      for (const count of tenths) expect(Math.abs(count - 1_000)).toBeLessThan(250);
    }
  });
});

describe("durations", () => {
  it.each([
    [0, 0],
    [250, 250],
    [1.6, 2],
    ["250ms", 250],
    ["30s", 30_000],
    ["1.5s", 1_500],
    ["5 m", 300_000],
    ["2h", 7_200_000],
    ["1d", 86_400_000],
    ["1w", 604_800_000],
  ])("%j is %d ms", (value, ms) => {
    expect(millis("timeout", value)).toBe(ms);
  });

  it.each<readonly [string, unknown]>(
    shown([
      -1,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      "",
      "5",
      "s",
      "-5s",
      "+5s",
      "5S",
      "1e3s",
      " 5s",
      "5s ",
      "5s5m",
      "0x5s",
      ".5s",
      "5.s",
      `${"9".repeat(400)}s`,
      null,
      undefined,
      true,
      5n,
      {},
      [5],
      new Date(0),
      Symbol("5s"),
      { toJSON: () => assert.fail("asked") },
    ]),
  )("refuses %s", (_, value) => {
    const call = () => millis("timeout", value as number);
    expect(call).toThrow(thrown("E_OPTION_INVALID"));
    expect(call).toThrow(/^timeout: .* is not a duration/);
  });
});

describe("limits", () => {
  it("hold towards each other what the code relies on", () => {
    const {
      frameBytesMax,
      frameBytesTarget,
      frameInflatedBytesMax,
      valueInlineBytesMax,
      valueBytesMax,
    } = limits;
    expect(frameBytesMax).toBeLessThan(1024 * 1024);
    expect(frameBytesTarget + 2 * valueInlineBytesMax).toBeLessThan(frameBytesMax);
    expect(frameBytesMax).toBeLessThan(frameInflatedBytesMax);
    expect(valueInlineBytesMax).toBeLessThan(valueBytesMax);
    expect(limits.heartbeatMs * 3).toBeLessThanOrEqual(limits.nodeGoneMs);
    expect(limits.parkAfterMs).toBeLessThan(limits.leaseMs);
    expect(limits.nodeGoneMs).toBeLessThan(limits.leaseMs);
    expect(limits.leaseMs).toBeLessThan(limits.sweepEveryMs);
    // What a mapped step can fan out to is written and read as one list of inline results.
    expect(limits.mapItemsMax).toBeLessThan(limits.jsonKeysMax);
  });

  it("are all whole numbers above zero", () => {
    for (const [name, value] of Object.entries(limits)) {
      expect(Number.isSafeInteger(value) && value > 0, name).toBe(true);
    }
  });
});

describe("errors", () => {
  it("have codes that are distinct, sorted, and usable as file names", () => {
    expect([...errorCodes]).toEqual([...new Set(errorCodes)].sort());
    for (const code of errorCodes) expect(code).toMatch(/^E_[A-Z_]+$/);
  });

  it("carry code, message, cause, details and the name of their class", () => {
    const cause = new Error("why");
    const error = new MillraceError("E_TIMEOUT", "too late", { cause, details: { ms: 5 } });
    expect(error).toMatchObject({ code: "E_TIMEOUT", cause, details: { ms: 5 } });
    expect(String(error)).toBe("MillraceError: too late");
    expect("cause" in new MillraceError("E_TIMEOUT", "too late")).toBe(false);
    expect(new TerminalError("no")).toMatchObject({ code: "E_TERMINAL", name: "TerminalError" });
    const retry = new RetryableError("later", { afterMs: 7 });
    expect(retry).toMatchObject({ code: "E_RETRYABLE", afterMs: 7, name: "RetryableError" });
    expect(new RetryableError("later").afterMs).toBeUndefined();
  });

  it("are recognised across copies of the package, and by code", () => {
    const error = new TerminalError("no");
    const foreign = { [Symbol.for("millrace.error")]: true, code: "E_TIMEOUT" };
    expect(isMillraceError(error)).toBe(true);
    expect(isMillraceError(error, "E_TERMINAL")).toBe(true);
    expect(isMillraceError(error, "E_TIMEOUT")).toBe(false);
    expect(isMillraceError(foreign, "E_TIMEOUT")).toBe(true);
  });

  it("are told from anything else that can be thrown, which is never touched", () => {
    const revoked = Proxy.revocable({}, {});
    revoked.revoke();
    const trap = new Proxy({}, { has: () => assert.fail("trapped") });
    const getter = Object.defineProperty({ [Symbol.for("millrace.error")]: true }, "code", {
      get: () => assert.fail("asked"),
    });
    for (const other of [revoked.proxy, trap, getter, null, undefined, "E_TIMEOUT", new Error()]) {
      expect(isMillraceError(other, "E_TIMEOUT")).toBe(false);
    }
  });
});
