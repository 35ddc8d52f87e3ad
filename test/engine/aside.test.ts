/** Who gave a ticket back that it has no code for is not in line when that comes back. */
import { expect, it } from "vitest";
import { Aside } from "../../src/engine/hosting/aside.ts";
import { VirtualTime } from "../../src/testing/simulation/virtual-time.ts";

function watched() {
  const time = new VirtualTime();
  const changes: number[] = [];
  const aside = new Aside(time, () => changes.push(time.mono()));
  return { time, aside, changes };
}

it("leaves the tickets of that workflow to others at once, for a moment", async () => {
  const { time, aside, changes } = watched();
  aside.step("order", 0);
  expect(aside.without(["order", "other"])).toEqual(["other"]);
  await time.pass(100);
  expect(aside.without(["order", "other"])).toEqual(["order", "other"]);
  expect(changes).toEqual([0, 100]);
});

it("leaves them when a ticket comes back at a time, and not before", async () => {
  const { time, aside } = watched();
  aside.step("order", 1_600);
  await time.pass(1_599);
  expect(aside.without(["order"])).toEqual(["order"]);
  await time.pass(1);
  expect(aside.without(["order"])).toEqual([]);
  await time.pass(600);
  expect(aside.without(["order"])).toEqual(["order"]);
});

it("takes its own in between, however many come back", async () => {
  const { time, aside } = watched();
  for (let ms = 100; ms <= 10_000; ms += 100) aside.step("order", ms);
  let own = 0;
  for (let ms = 0; ms < 10_000; ms += 100) {
    await time.pass(100);
    if (aside.without(["order"]).length === 1) own++;
  }
  expect(own).toBeGreaterThanOrEqual(45);
});
