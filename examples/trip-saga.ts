/**
 * A trip of three bookings; the last one fails, and the ones before are undone in reverse order.
 * Prints: booked flight, hotel; undone hotel, flight
 */
import { isMillraceError, open, TerminalError, workflow } from "../src/index.ts";

const booked: string[] = [];
const undone: string[] = [];

const trip = workflow("trip", async (ctx, places: { car: boolean }) => {
  for (const name of ["flight", "hotel", "car"]) {
    await ctx.run(
      name,
      (step) => {
        // The agency is given step.idempotencyKey, so that an attempt made twice books once.
        if (name === "car" && !places.car) throw new TerminalError("no cars left");
        booked.push(name);
        return { booking: `${name}:${step.idempotencyKey}` };
      },
      { undo: () => void undone.push(name) },
    );
  }
});

const millrace = await open({
  store: process.env["MILLRACE_STORE"] ?? "memory",
  workflows: [trip],
});
const run = await millrace.start(trip, { car: false });
try {
  await run.result();
} catch (error) {
  if (!isMillraceError(error, "E_RUN_FAILED")) throw error;
}
console.log(`booked ${booked.join(", ")}; undone ${undone.join(", ")}`);
await millrace.close();
