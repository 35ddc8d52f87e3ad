/** `millrace schedule`: declaring, looking, telling, and what is refused. */
import { expect, it } from "vitest";
import { open, workflow } from "../../src/index.ts";
import { command, scratchStore } from "./command.ts";

const report = workflow("report", (_ctx, input: { of: string }) => `report of ${input.of}`);

it("declares a schedule, shows it, and has it start runs", { timeout: 60_000 }, async () => {
  const store = await scratchStore();
  const tell = (...args: string[]) => command(["schedule", ...args, "--store", store]);
  const cron = ["--cron", "0 3 * * *", "--time-zone", "Europe/Berlin", "--label", "team=a"];
  const input = ["--input", '{"of":"sales"}'];
  const made = await tell("create", "nightly", "--workflow", "report", ...input, ...cron);
  expect(made.stdout).toMatch(/^starts +report \{"of":"sales"\}$/m);
  expect(made.stdout).toMatch(/^when +0 3 \* \* \* \(Europe\/Berlin\)$/m);
  expect(made.stdout.match(/^(?:next)? +\d{4}-\d\d-\d\d \d\d:00:00$/gm)).toHaveLength(5);

  const paused = await tell("pause", "nightly", "--reason", "stocktaking");
  expect(paused.stdout).toBe("schedule nightly is paused\n");
  const listed = await tell("list");
  expect(listed.stdout).toMatch(/^SCHEDULE +WORKFLOW +WHEN +OVERLAP +NEXT +LAST$/m);
  expect(listed.stdout).toMatch(/^nightly +report +0 3 \* \* \* \(Europe\/Berlin\) +skip +paused/m);

  await using here = await open({ store, workflows: [report] });
  const wanted = await tell("trigger", "nightly", "--id", "o1", "--json");
  expect(JSON.parse(wanted.stdout)).toEqual({ schedule: "nightly", run: "nightly--o1" });
  expect(await here.handle("nightly--o1").result()).toBe("report of sales");
  const shown = await command(["show", "nightly--o1", "--store", store]);
  expect(shown.stdout).toMatch(/^tick +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d of schedule nightly$/m);
  const times = ["--from", "2026-03-28T00:00:00Z", "--to", "2026-03-30T00:00:00Z"];
  const filled = await tell("backfill", "nightly", ...times, "--id", "march");
  expect(filled.stdout).toBe("2 ticks get a run each (march)\n");
  // 03:00 in Berlin is 02:00 UTC in winter and 01:00 in summer, which began on the 29th.
  for (const tick of ["20260328T020000000Z", "20260329T010000000Z"]) {
    expect(await here.handle(`nightly--march--${tick}`).result()).toBe("report of sales");
  }
  expect((await tell("delete", "nightly")).stdout).toBe("schedule nightly is deleted\n");

  const gone = await tell("show", "nightly");
  expect([gone.code, gone.stderr.split(":")[0]]).toEqual([4, "E_SCHEDULE_NOT_FOUND"]);
});
