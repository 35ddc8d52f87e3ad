/** The instants written for the server are those that `Date` would write. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { rfc3339 } from "../../src/adapters/nats/instant.ts";

const DAY = 86_400_000;
const LATEST = 253_402_300_799_999;

describe("nats: instants", () => {
  it("are written as Date writes them", () => {
    const instants = fc.integer({ min: 0, max: LATEST });
    fc.assert(fc.property(instants, (ms) => rfc3339(ms) === new Date(ms).toISOString()));
  });

  it("every day of four centuries has its own date", () => {
    for (let day = 0; day < 146_097; day += 1)
      if (rfc3339(day * DAY) !== new Date(day * DAY).toISOString())
        expect(rfc3339(day * DAY)).toBe(new Date(day * DAY).toISOString());
  });

  it("are never earlier than asked, and stay within four-digit years", () => {
    expect(rfc3339(0.25)).toBe("1970-01-01T00:00:00.001Z");
    expect(rfc3339(-5)).toBe("1970-01-01T00:00:00.000Z");
    expect(rfc3339(Number.MAX_SAFE_INTEGER)).toBe("9999-12-31T23:59:59.999Z");
  });
});
