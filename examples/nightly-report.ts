/**
 * A report every night at three in Vienna. Three nights are made up for, one after the other; before the last of
 * them the clock was put forward. Prints: 27 March: 02:00 UTC; 28 March: 02:00 UTC; 29 March: 01:00 UTC
 */
import { open, workflow } from "../src/index.ts";

const report = workflow("report", (ctx, input: { of: string }) =>
  ctx.run("write", ({ run }) => {
    const night = new Date(run.tick?.at ?? 0);
    const date = night.toLocaleDateString("en-GB", {
      day: "numeric",
      month: "long",
      timeZone: "UTC",
    });
    console.error(`${input.of} of ${date}`);
    return `${date}: ${night.toISOString().slice(11, 16)} UTC`;
  }),
);

const store = process.env["MILLRACE_STORE"] ?? "memory";
const millrace = await open({ store, workflows: [report] });
await millrace.schedules.put({
  id: "nightly",
  workflow: report,
  input: { of: "sales" },
  cron: "0 3 * * *",
  timeZone: "Europe/Vienna",
});
const [from, to] = ["2026-03-27T00:00:00Z", "2026-03-29T12:00:00Z"];
await millrace.schedules.backfill("nightly", { from, to, id: "march" });
const lines: unknown[] = [];
for (const tick of ["20260327T020000000Z", "20260328T020000000Z", "20260329T010000000Z"]) {
  lines.push(await millrace.handle(`nightly--march--${tick}`).result());
}
console.log(lines.join("; "));
await millrace.close();
