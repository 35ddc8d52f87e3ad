/**
 * A trip of three bookings; the last one fails, and the ones before are undone in reverse order.
 * `examples/testing/trip-saga.test.ts` crashes it at every commit.
 * Prints: booked flight, hotel; undone hotel, flight
 */
import { isMillraceError, open, TerminalError, workflow } from "../src/index.ts";

/** Where trips are booked. The same key again is the same booking. */
export interface Agency {
  book(place: string, key: string): Promise<string>;
  cancel(booking: string, key: string): Promise<void>;
}

export const tripWith = (agency: Agency) =>
  workflow("trip", async (ctx, places: { car: boolean }) => {
    const bookings: string[] = [];
    for (const place of ["flight", "hotel", "car"]) {
      const booking = await ctx.run(
        place,
        (step) => {
          if (place === "car" && !places.car) throw new TerminalError("no cars left");
          return agency.book(place, step.idempotencyKey);
        },
        { undo: (step, booked: string) => agency.cancel(booked, step.idempotencyKey) },
      );
      bookings.push(booking);
    }
    return bookings;
  });

if (import.meta.main) {
  const booked: string[] = [];
  const undone: string[] = [];
  const trip = tripWith({
    async book(place) {
      booked.push(place);
      return place;
    },
    async cancel(booking) {
      undone.push(booking);
    },
  });
  const store = process.env["MILLRACE_STORE"] ?? "memory";
  const millrace = await open({ store, workflows: [trip] });
  const run = await millrace.start(trip, { car: false });
  try {
    await run.result();
  } catch (error) {
    if (!isMillraceError(error, "E_RUN_FAILED")) throw error;
  }
  console.log(`booked ${booked.join(", ")}; undone ${undone.join(", ")}`);
  await millrace.close();
}
