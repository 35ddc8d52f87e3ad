/** Instants: what users may give, and what is written for others. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { anyInstantMs, instantMs, instantOf, rfc3339 } from "../../src/kernel/instant.ts";

const LATEST = 253_402_300_799_999;

describe("instants", () => {
  it("are a Date or milliseconds, and nothing else", () => {
    expect(instantMs("from", new Date(17))).toBe(17);
    expect(instantMs("from", 17.5)).toBe(17.5);
    for (const bad of [new Date("x"), Number.NaN, Number.POSITIVE_INFINITY, "17", null, {}]) {
      expect(() => instantMs("from", bad as Date)).toThrow("from: must be a valid Date");
    }
  });

  it("are read as they are written", () => {
    const instants = fc.integer({ min: 0, max: LATEST });
    fc.assert(fc.property(instants, (ms) => instantOf(rfc3339(ms)) === ms));
    expect(instantOf("2026-03-01T13:00:00+01:00")).toBe(instantOf("2026-03-01T12:00:00.000Z"));
    expect(instantOf("2026-03-01 12:00Z")).toBe(instantOf("2026-03-01T12:00:00Z"));
  });

  it.each(["", "17", "yesterday", "2026", "2026-13-01", "2026-03-01T", "March 1 2026"])(
    "are not read out of %j",
    (text) => expect(instantOf(text)).toBeUndefined(),
  );

  it("may be text that means the same everywhere", () => {
    for (const same of [
      "2026-12-24T18:00:00Z",
      "2026-12-24T19:00+01:00",
      Date.UTC(2026, 11, 24, 18),
    ]) {
      expect(anyInstantMs("until", same)).toBe(Date.UTC(2026, 11, 24, 18));
    }
    for (const bad of ["2026-12-24T18:00:00", "2026-12-24", "tomorrow", 1e300, null, {}]) {
      expect(() => anyInstantMs("until", bad)).toThrow(/^until: /);
    }
  });

  it("are never written earlier than asked, and stay within four-digit years", () => {
    expect(rfc3339(0.25)).toBe("1970-01-01T00:00:00.001Z");
    expect(rfc3339(-5)).toBe("1970-01-01T00:00:00.000Z");
    expect(rfc3339(Number.MAX_SAFE_INTEGER)).toBe("9999-12-31T23:59:59.999Z");
  });
});
