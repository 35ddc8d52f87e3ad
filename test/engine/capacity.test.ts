/** Who is called when something is free: as many as there is enough for, in their order, each once. */
import { describe, expect, it } from "vitest";
import { ONE_SLOT } from "../../src/cluster/resources.ts";
import { Capacity } from "../../src/engine/nodes/capacity.ts";

/** A node whose slots are all taken, with so many in line; `called` says who was called, in order. */
function crowded({ slots, waiting }: { slots: number; waiting: number }) {
  const capacity = new Capacity({ steps: slots });
  const called: number[] = [];
  for (let nth = 0; nth < slots; nth++) capacity.take(ONE_SLOT, () => undefined);
  const line = Array.from({ length: waiting }, (_, nth) => () => void called.push(nth));
  for (const whenFree of line) expect(capacity.take(ONE_SLOT, whenFree)).toBe(false);
  return { capacity, called, line };
}

describe("a line of hundreds before a few slots", () => {
  it("one slot that is free calls one, however often anybody looks", () => {
    const { capacity, called } = crowded({ slots: 4, waiting: 300 });
    capacity.release(ONE_SLOT);
    for (let nth = 0; nth < 10; nth++) capacity.nudge();
    expect(called).toEqual([0]);
  });

  it("several slots that come free at once call as many", () => {
    const { capacity, called } = crowded({ slots: 4, waiting: 300 });
    capacity.release({ steps: 3 });
    expect(called).toEqual([0, 1, 2]);
  });

  it("whoever was called and takes it leaves nothing to others; who passes calls the next", () => {
    const { capacity, called, line } = crowded({ slots: 2, waiting: 5 });
    const [first = () => undefined, second = () => undefined] = line;
    capacity.release({ steps: 2 });
    expect(capacity.take(ONE_SLOT, first)).toBe(true);
    capacity.nudge();
    expect(called).toEqual([0, 1]);
    capacity.pass(second);
    expect(called).toEqual([0, 1, 2]);
  });

  it("whoever goes away after it was called keeps nobody from the slot", () => {
    const { capacity, called, line } = crowded({ slots: 1, waiting: 3 });
    capacity.release(ONE_SLOT);
    capacity.forget(line[0] ?? (() => undefined));
    capacity.nudge();
    expect(called).toEqual([0, 1]);
  });

  it("whoever was called and finds that another was quicker is called again in its turn", () => {
    const { capacity, called, line } = crowded({ slots: 1, waiting: 2 });
    const [first = () => undefined] = line;
    capacity.release(ONE_SLOT);
    expect(capacity.take(ONE_SLOT, () => undefined)).toBe(true);
    expect(capacity.take(ONE_SLOT, first)).toBe(false);
    capacity.release(ONE_SLOT);
    expect(called).toEqual([0, 0]);
  });
});
