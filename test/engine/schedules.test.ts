// Schedules at work: one run per tick, whoever is there and whatever comes between.
import { expect, it } from "vitest";
import { workflow } from "../../src/index.ts";
import { only, onVirtualTime } from "./kit/scene.ts";

const MINUTE = 60_000;

onVirtualTime("a schedule", (scene, time) => {
  const report = workflow("report", (ctx, _input: { of: string }) =>
    ctx.run("write", () => "done"),
  );

  it("starts one run per tick, with its input, not early", async () => {
    const millrace = await scene().open({ workflows: [report] });
    await time().until(
      millrace.schedules.put({ id: "often", workflow: report, input: { of: "x" }, every: "1m" }),
    );
    await time().pass(5 * MINUTE);
    const created = only(await scene().log(), "run.created");
    const ticked = only(await scene().log(), "schedule.ticked");
    expect(ticked).toHaveLength(5);
    expect(created.map(({ run }) => run)).toEqual(ticked.map(({ started }) => started));
    for (const [nth, { at }] of created.entries())
      expect(at).toBeGreaterThanOrEqual(ticked[nth]?.tick ?? 0);
    expect(created[0]?.input).toEqual({ json: { of: "x" } });
    expect(await time().until(millrace.schedules.get("often"))).toMatchObject({
      ...{ started: 5, skipped: 0, open: [] },
      recent: ticked.map(({ tick, started }) => ({ tick, run: started })),
    });
  });
});
