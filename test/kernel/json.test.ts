// What may be recorded, and what is refused with its path.
import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isMillraceError, type MillraceError } from "../../src/kernel/errors.ts";
import { canonicalJson, digest, type Json, toJson } from "../../src/kernel/json.ts";
import { limits } from "../../src/kernel/limits.ts";

const loopless = {};
class Point {
  x = 1;
}
const throwing = Object.defineProperty({}, "x", {
  enumerable: true,
  get: () => {
    throw new TypeError("no");
  },
});
const proxy = new Proxy({}, { ownKeys: () => assert.fail("trapped") });
const revoked = Proxy.revocable({}, {});
revoked.revoke();
const loop: { self?: unknown } = {};
loop.self = { loop };
const nested = (depth: number): unknown => {
  let value: unknown = 1;
  for (let level = 0; level < depth; level++) value = [value];
  return value;
};

function refusal(value: unknown): MillraceError {
  try {
    toJson("output of step a", value);
  } catch (error) {
    if (isMillraceError(error, "E_NOT_JSON")) return error;
    throw error;
  }
  throw new Error("it was not refused");
}

describe("toJson refuses, with the path,", () => {
  const cases: readonly (readonly [string, unknown, string, RegExp])[] = [
    ["a function", () => 1, ".", /a function/],
    ["a symbol", { a: Symbol("s") }, ".a", /a symbol/],
    ["a bigint", { a: [1, 2n] }, ".a[1]", /a bigint/],
    ["NaN", { a: { b: Number.NaN } }, ".a.b", /the number NaN/],
    ["Infinity", [Number.NEGATIVE_INFINITY], "[0]", /the number -Infinity/],
    ["a Date", { at: new Date(0) }, ".at", /an instance of Date/],
    ["a Map", { m: new Map() }, ".m", /an instance of Map/],
    ["a Set", [new Set()], "[0]", /an instance of Set/],
    ["a RegExp", /x/, ".", /an instance of RegExp/],
    ["bytes", { b: Buffer.from("x") }, ".b", /an instance of Buffer/],
    ["a typed array", new Uint8Array(2), ".", /an instance of Uint8Array/],
    ["an Error", new Error("x"), ".", /an instance of Error/],
    ["a Promise", Promise.resolve(1), ".", /an instance of Promise/],
    ["a boxed value", Object("x"), ".", /an instance of String/],
    ["a class instance", { p: [new Point()] }, ".p[0]", /an instance of Point/],
    ["an object without a usable class", Object.create({ constructor: 5 }), ".", /a class/],
    ["a cycle", loop, ".self.loop", /a cycle/],
    ["a method", { toJSON: () => 1 }, ".toJSON", /a function/],
    ["deep nesting", nested(limits.jsonDepthMax + 1), "[0]".repeat(64), /deeper than 64/],
    ["endless nesting", nested(100_000), "[0]".repeat(64), /deeper than 64/],
    ["too many items", new Array(limits.jsonKeysMax + 1), ".", /more than 2000000/],
    ["a getter that throws", { a: throwing }, ".a", /a getter or a trap/],
    ["a proxy that throws", [proxy], "[0]", /a getter or a trap/],
    ["a revoked proxy", { a: revoked.proxy }, ".a", /a getter or a trap/],
  ];
  it.each(cases)("%s", (_what, value, path, message) => {
    const error = refusal(value);
    expect(error.details).toEqual({ path });
    expect(error.message).toMatch(message);
    expect(error.message.startsWith(`output of step a${path === "." ? "" : path} is `)).toBe(true);
  });

  it("and keeps what a getter threw as the cause", () => {
    expect(refusal({ a: throwing }).cause).toBeInstanceOf(TypeError);
  });
});

describe("toJson keeps", () => {
  it.each<readonly [string, unknown, unknown]>([
    ["undefined as null at the top", undefined, null],
    ["undefined as null in a list", [1, undefined], [1, null]],
    ["a hole in a list as null", Object.assign([1], { 2: 2 }), [1, null, 2]],
    ["nothing of an undefined field", { a: undefined, b: 1 }, { b: 1 }],
    ["-0 as 0", -0, 0],
    ["an object without prototype", Object.assign(Object.create(null), { a: 1 }), { a: 1 }],
    ["what two fields share, twice", { a: [loopless], b: [loopless] }, { a: [{}], b: [{}] }],
    ["nesting up to the limit", nested(limits.jsonDepthMax), nested(limits.jsonDepthMax)],
    ["a lone surrogate", "\ud800", "\ud800"],
  ])("%s", (_what, value, kept) => {
    assert.deepEqual(JSON.stringify(toJson("v", value)), JSON.stringify(kept));
    assert.equal(Object.is(toJson("v", value), -0), false);
  });

  it("a key named __proto__ as data, without touching any prototype", () => {
    const value: unknown = JSON.parse('{"__proto__":{"admin":true},"constructor":{"prototype":1}}');
    const kept = toJson("v", value);
    assert.equal(JSON.stringify(kept), JSON.stringify(value));
    assert.equal((kept as { admin?: unknown }).admin, undefined);
    assert.equal(({} as { admin?: unknown }).admin, undefined);
  });

  it("every JSON value as it is, in a copy of its own", () => {
    const property = fc.property(fc.jsonValue(), (value) => {
      const kept = toJson("v", value);
      assert.equal(JSON.stringify(kept), JSON.stringify(value));
      if (typeof value === "object" && value !== null) assert.notEqual(kept, value);
    });
    fc.assert(property);
  });

  it("of anything whatever only what JSON gives back unchanged", () => {
    const anything = fc.anything({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withNullPrototype: true,
      withSparseArray: true,
      withTypedArray: true,
    });
    const property = fc.property(anything, (value) => {
      try {
        const kept = toJson("v", value);
        assert.deepEqual(JSON.parse(JSON.stringify(kept)), kept);
      } catch (error) {
        if (!isMillraceError(error, "E_NOT_JSON")) throw error;
      }
    });
    fc.assert(property, { numRuns: 500 });
  });
});

/** The same value with the keys of every object in another order. */
const reversed = (value: Json): Json => {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(reversed);
  const entries = Object.entries(value).map(([key, item]) => [key, reversed(item)] as const);
  return Object.fromEntries(entries.reverse());
};

describe("canonicalJson", () => {
  it("is JSON of the same value, whatever the order of keys", () => {
    const property = fc.property(fc.jsonValue(), (raw) => {
      const value = toJson("v", raw);
      const text = canonicalJson(value);
      assert.equal(canonicalJson(reversed(value)), text);
      assert.deepEqual(JSON.parse(text), value);
    });
    fc.assert(property);
  });

  it("tells different values apart", () => {
    const property = fc.property(fc.jsonValue(), fc.jsonValue(), (one, other) => {
      const [a, b] = [toJson("a", one), toJson("b", other)];
      const equal = JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
      assert.equal(canonicalJson(a) === canonicalJson(b), equal);
    });
    fc.assert(property);
  });

  it("sorts keys by code unit", () => {
    expect(canonicalJson({ b: 1, a: { d: [], c: null }, "10": 2, "9": 3, Ä: 4, Z: 5 })).toBe(
      '{"10":2,"9":3,"Z":5,"a":{"c":null,"d":[]},"b":1,"Ä":4}',
    );
  });
});

/** An independent way to an order: pairs instead of objects. */
const sorted = (value: Json): unknown => {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(sorted);
  const pairs = Object.entries(value).map(([key, item]) => ({ key, item: sorted(item) }));
  return { pairs: pairs.sort((a, b) => (a.key < b.key ? -1 : 1)) };
};

describe("digest", () => {
  it("is SHA-256 in base64url", () => {
    expect(digest("")).toBe("47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU");
    expect(digest(Buffer.from("abc"))).toBe(digest("abc"));
    expect(digest("abc")).toHaveLength(43);
  });
});
