// Vectors of amounts: exact whatever the order, refused when they are no amounts.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  AMOUNT_MAX,
  add,
  checkResources,
  fits,
  shortage,
  shown,
  subtract,
} from "../../src/cluster/resources.ts";
import { isMillraceError } from "../../src/kernel/errors.ts";
import { resources } from "./arbitraries.ts";

describe("resources", () => {
  it("come back exactly to where they were, in whatever order they are taken and given back", () => {
    const taken = fc.array(resources, { maxLength: 20 }).chain((all) =>
      fc.record({
        all: fc.constant(all),
        back: fc.shuffledSubarray(all, { minLength: all.length }),
      }),
    );
    fc.assert(
      fc.property(resources, taken, (has, { all, back }) => {
        const whole = all.reduce(add, has);
        const left = all.reduce(subtract, whole);
        for (const name of Object.keys(left)) expect(left[name]).toBe(has[name] ?? 0);
        expect(back.reduce(add, left)).toEqual(whole);
      }),
    );
  });

  it("fit exactly when nothing is short, and then can be taken", () => {
    fc.assert(
      fc.property(resources, resources, (request, free) => {
        const missing = shortage(request, free);
        expect(fits(request, free)).toBe(Object.keys(missing).length === 0);
        expect(fits(request, add(free, missing))).toBe(true);
        if (fits(request, free)) {
          const left = Object.values(subtract(free, request));
          expect(left.every((amount) => amount >= 0)).toBe(true);
        } else expect(() => subtract(free, request)).toThrow(/more .* is taken/);
      }),
    );
  });

  it("know nothing but their own names", () => {
    expect(fits(checkResources("r", { constructor: 1 }), {})).toBe(false);
    expect(shortage({ toString: 1 }, { cpu: 1 })).toEqual({ toString: 1 });
  });

  it("are copied, frozen, and without what is nothing", () => {
    const given = { cpu: 0.5, gpu: 0, memory: AMOUNT_MAX };
    const checked = checkResources("r", given);
    given.cpu = 9;
    expect(checked).toEqual({ cpu: 0.5, memory: AMOUNT_MAX });
    expect(Object.isFrozen(checked)).toBe(true);
  });

  it.each([
    [null, "must be an object"],
    [[1], "must be an object"],
    ["cpu", "must be an object"],
    [{ cpu: -1 }, "cpu is -1"],
    [{ cpu: Number.NaN }, "cpu is NaN"],
    [{ cpu: Number.POSITIVE_INFINITY }, "cpu is Infinity"],
    [{ cpu: "1" }, "cpu is a string"],
    [{ cpu: 0.0001 }, "thousandth"],
    [{ "c p u": 1 }, "no name"],
    [JSON.parse('{"__proto__": 1}') as unknown, "no name"],
  ])("refuse %j", (raw, why) => {
    try {
      checkResources("step a: resources", raw);
    } catch (error) {
      if (!isMillraceError(error, "E_OPTION_INVALID")) throw error;
      return expect(error.message).toContain(why);
    }
    expect.unreachable("was taken");
  });

  it("are told to people", () => {
    expect(shown({ cpu: 2, memory: 512 })).toBe("cpu 2, memory 512");
    expect(shown({})).toBe("nothing");
  });
});
