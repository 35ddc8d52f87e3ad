// A saga under test: whatever process dies whenever, each place is booked once, and if need be cancelled once.
import { expect, it } from "vitest";
import { checkWorkflow, differences, type Outside, testRuntime } from "../../src/testing.ts";
import { type Agency, tripWith } from "../trip-saga.ts";

/** An agency that remembers what it was asked for, and knows keys again. */
const agency = ({ effects }: Outside): Agency => ({
  async book(place, key) {
    await effects.apply("book", { key, detail: place });
    return `${place} 1`;
  },
  async cancel(booking, key) {
    await effects.apply("cancel", { key, detail: booking });
  },
});

it("books everything, or undoes what it booked, the last first", async () => {
  for (const car of [true, false]) {
    await using sim = await testRuntime({ workflows: (outside) => [tripWith(agency(outside))] });
    await sim.start("trip", { car });
    await sim.idle();
    const done = sim.outside.effects.applied.map(({ name, detail }) => `${name} ${detail}`);
    const booked = ["book flight", "book hotel"];
    expect(done).toEqual(
      car ? [...booked, "book car"] : [...booked, "cancel hotel 1", "cancel flight 1"],
    );
  }
});

it.each([true, false])("does so whatever crashes when; cars there are: %s", async (car) => {
  const report = await checkWorkflow((outside) => tripWith(agency(outside)), {
    inputs: [{ car }],
    runs: 3,
    compare: (undisturbed, disturbed) => {
      const order = (life: typeof disturbed) => life.effects.map(({ detail }) => detail);
      expect(order(disturbed)).toEqual(order(undisturbed));
      return differences(undisturbed, disturbed);
    },
  });
  expect(report.outcomes[car ? "completed" : "failed"]).toBe(report.lives);
});
