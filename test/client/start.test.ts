/** Starting: idempotent by id and content, once however many start at once, and safe to die in. */
import { expect, it } from "vitest";
import { graph, workflow } from "../../src/index.ts";
import { faulty } from "../engine/kit/faulty.ts";
import { ALL_STORES, onStores, outline, refusal, until } from "../engine/kit/scene.ts";

const echo = graph<unknown>("echo")
  .step("only", (_ctx, input) => input)
  .build();
const other = workflow("other", (_ctx, input) => input);

/** Whoever opens a store like this dies, in effect, between the append and the ticket. */
const dying = faulty({ queue: () => ({ offer: () => Promise.reject(new Error("died")) }) });

onStores(
  "start",
  (scene) => {
    it("with the same id and the same input is the same run, whenever and wherever", async () => {
      const one = await scene().open({ workflows: [echo] });
      const two = await scene().open({ worker: false });
      const input = { b: [1, { c: null }], a: "ä" };
      const first = await one.start(echo, input, { id: "run" });
      const second = await two.start(echo, { a: "ä", b: [1, { c: null }] }, { id: "run" });
      expect(await first.result()).toEqual(input);
      expect(await second.result()).toEqual(input);
      const third = await one.start(echo, input, { id: "run", labels: { other: "label" } });
      expect(await third.result()).toEqual(input);
      const created = outline(await scene().log()).filter((line) => line === "run.created");
      expect(created).toHaveLength(1);
    });

    it("200 times at once, from several processes, makes one run", async () => {
      const opened = await Promise.all(
        Array.from({ length: 4 }, () => scene().open({ workflows: [echo] })),
      );
      const handles = await Promise.all(
        Array.from({ length: 200 }, (_, nth) => {
          const from = opened[nth % opened.length];
          if (from === undefined) throw new Error("nobody to start it");
          return from.start(echo, "same", { id: "once" });
        }),
      );
      for (const handle of handles) expect(await handle.result()).toBe("same");
      const events = outline(await scene().log());
      expect(events.filter((line) => line === "run.created")).toHaveLength(1);
      expect(events.filter((line) => line === "step.started only")).toHaveLength(1);
    });

    it("with another input, or of another workflow, is a conflict that changes nothing", async () => {
      const millrace = await scene().open({ workflows: [echo, other] });
      const run = await millrace.start(echo, 1, { id: "run" });
      await run.result();
      const before = await scene().log();
      const conflicts = [
        () => millrace.start(echo, 2, { id: "run" }),
        () => millrace.start(echo, undefined, { id: "run" }),
        () => millrace.start(other, 1, { id: "run" }),
      ];
      for (const conflict of conflicts) {
        expect(await refusal(conflict())).toMatchObject({ code: "E_RUN_CONFLICT" });
      }
      expect(await scene().log()).toEqual(before);
    });

    it("of many different inputs at once under one id lets one of them win", async () => {
      const millrace = await scene().open({ workflows: [echo] });
      const starts = await Promise.allSettled(
        Array.from({ length: 30 }, (_, nth) => millrace.start(echo, nth, { id: "race" })),
      );
      const won = starts.flatMap((start) => (start.status === "fulfilled" ? [start.value] : []));
      expect(won).toHaveLength(1);
      const codes = starts.flatMap((start) =>
        start.status === "rejected" ? [(start.reason as { code: string }).code] : [],
      );
      expect(new Set(codes)).toEqual(new Set(["E_RUN_CONFLICT"]));
      expect(await won[0]?.result()).toEqual(expect.any(Number));
    });

    it("again gives the run its ticket when whoever began it died before", async () => {
      let swept = false;
      const watched = faulty({
        log: (log) => ({
          read(range) {
            swept ||= range.run === undefined;
            return log.read(range);
          },
        }),
      });
      // The sweep at its start would give the run a ticket as well; this is about the second start.
      const host = await scene().open({ workflows: [echo], sweepEvery: "1h", wrap: watched });
      await until("it sweeps", () => swept);
      await host.list();
      const dead = await scene().open({ worker: false, wrap: dying });
      expect(await refusal(dead.start(echo, 1, { id: "orphan" }))).toMatchObject({
        message: "died",
      });
      const run = await host.start(echo, 1, { id: "orphan" });
      expect(await run.result({ timeoutMs: 25_000 })).toBe(1);
    });

    it("is found by the sweep when whoever began it died before offering a ticket", async () => {
      const dead = await scene().open({ worker: false, wrap: dying });
      await refusal(dead.start(echo, 1, { id: "orphan" }));
      const host = await scene().open({ workflows: [echo], sweepEvery: "1h" });
      expect(await host.handle("orphan").result({ timeoutMs: 25_000 })).toBe(1);
    });

    it("keeps the labels and the input as they were given", async () => {
      const millrace = await scene().open({ workflows: [echo] });
      const input = { list: [1] };
      const labels = { customer: "42" };
      const starting = millrace.start(echo, input, { id: "run", labels });
      input.list.push(2);
      labels.customer = "43";
      expect(await (await starting).result()).toEqual({ list: [1] });
      expect((await millrace.get("run")).labels).toEqual({ customer: "42" });
    });

    it("by name needs a workflow of that name in this process", async () => {
      const millrace = await scene().open({ workflows: [echo] });
      expect(await (await millrace.start("echo", 1)).result()).toBe(1);
      const error = await refusal(millrace.start("ecco", 1));
      expect(error).toMatchObject({ code: "E_WORKFLOW_UNKNOWN" });
      expect(String(error)).toContain("echo");
    });
  },
  ALL_STORES,
);
