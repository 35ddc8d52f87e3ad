/**
 * Runs and steps as XState actors: their snapshots follow what is committed and nothing else, and what
 * is sent to them goes through the run's host.
 */
import { expect, it } from "vitest";
import { waitFor } from "xstate";
import { graph, workflow } from "../../src/index.ts";
import { deferred } from "../../src/kernel/async.ts";
import { limits } from "../../src/kernel/limits.ts";
import { only, onStores, outline, refusal, until } from "../engine/kit/scene.ts";

const waiting = workflow("waiting", async (ctx) => {
  await ctx.run("before", () => 1);
  return ctx.waitFor("word");
});

const cancel = { type: "cmd.cancel", now: 0, by: "an actor", reason: "enough" } as const;

onStores("the actor of a run", (scene) => {
  it("follows its run from before it exists until its end", async () => {
    const millrace = await scene().open({ workflows: [waiting] });
    const actor = await millrace.handle("later").actor();
    expect(actor.getSnapshot().value).toBe("unborn");
    const seen: unknown[] = [];
    actor.subscribe(({ value }) => {
      if (seen.at(-1) !== value) seen.push(value);
    });
    const run = await millrace.start(waiting, undefined, { id: "later" });
    await waitFor(actor, ({ value }) => value === "running");
    await run.signal("word", "end");
    await waitFor(actor, ({ status }) => status === "done");
    expect(seen[0]).toBe("pending");
    expect(seen.at(-1)).toBe("completed");
    const { context } = actor.getSnapshot();
    expect(context).toMatchObject({ id: "later", output: { json: "end" } });
    expect(context.signals).toMatchObject([{ name: "word", payload: { json: "end" } }]);
  });

  it("shows every committed event, and no other, to XState's inspector", async () => {
    const millrace = await scene().open({ workflows: [waiting] });
    const actor = await millrace.handle("run").actor();
    const inspected: string[] = [];
    actor.system.inspect((event) => {
      if (event.type === "@xstate.event" && event.actorRef === actor) {
        inspected.push(event.event.type);
      }
    });
    const run = await millrace.start(waiting, undefined, { id: "run" });
    await run.signal("word", 1);
    await run.result();
    await waitFor(actor, ({ status }) => status === "done");
    const events = outline(await scene().log("run")).filter((line) => !line.startsWith("step."));
    expect(inspected).toEqual(events);
  });

  it("passes a cancellation and a signal on to the run's host", async () => {
    const millrace = await scene().open({ workflows: [waiting] });
    const told = await millrace.start(waiting);
    const stopped = await millrace.start(waiting);
    const [one, two] = [await told.actor(), await stopped.actor()];
    const payload = { json: { deep: [1] } };
    one.send({ type: "cmd.signal", now: 0, signal: "s1", name: "word", payload });
    two.send(cancel);
    // The command itself moves nothing: only what is committed does.
    expect(two.getSnapshot().value).not.toBe("cancelling");
    expect(await told.result()).toEqual({ deep: [1] });
    expect(await refusal(stopped.result())).toMatchObject({ code: "E_RUN_CANCELLED" });
    const [cancelling] = only(await scene().log(stopped.id), "run.cancelling");
    expect(cancelling).toMatchObject({ by: "an actor", reason: "enough" });
    one.stop();
    two.stop();
  });

  it("refuses commands of the host, what is no signal, and all commands when it has ended", async () => {
    const millrace = await scene().open({ workflows: [waiting] });
    const run = await millrace.start(waiting);
    const actor = await run.actor();
    const large = { json: "x".repeat(limits.valueInlineBytesMax) };
    const signal = { type: "cmd.signal", now: 0, signal: "s", name: "word" } as const;
    const refused: readonly (readonly [() => void, string])[] = [
      [
        () => actor.send({ type: "cmd.complete", now: 0, output: { json: 1 } }),
        "E_COMMAND_REFUSED",
      ],
      [() => actor.send({ type: "run.cancelled", at: 0 }), "E_COMMAND_REFUSED"],
      [() => actor.send({ ...signal, name: "*", payload: { json: 1 } }), "E_ID_INVALID"],
      [() => actor.send({ ...signal, signal: "a b", payload: { json: 1 } }), "E_ID_INVALID"],
      [() => actor.send({ ...signal, payload: { json: 1n } }), "E_NOT_JSON"],
      [() => actor.send({ ...signal, payload: large }), "E_TOO_LARGE"],
      [() => actor.send({ ...cancel, reason: 1 as never }), "E_OPTION_INVALID"],
    ];
    for (const [send, code] of refused) expect(send).toThrow(expect.objectContaining({ code }));
    await run.signal("word", "end");
    await waitFor(actor, ({ status }) => status === "done");
    expect(() => actor.send(cancel)).toThrow(
      expect.objectContaining({ code: "E_COMMAND_REFUSED" }),
    );
    const late = await run.actor();
    expect(late.getSnapshot()).toMatchObject({ status: "done", value: "completed" });
    expect(() => late.send(cancel)).toThrow(expect.objectContaining({ code: "E_COMMAND_REFUSED" }));
    expect(only(await scene().log(run.id), "anomaly.recorded")).toEqual([]);
  });
});

onStores("the actor of a step", (scene) => {
  const gated = (gate: Promise<void>) =>
    graph("gated")
      .step("list", () => gate.then(() => ["a", "b"]))
      .map("work", { over: "list" }, (ctx, item) => ctx.note("item", item).then(() => item))
      .step("last", { needs: ["work"] }, (_ctx, { work }) => work.join())
      .build();

  it("follows its step, and an item of a mapped step from before there are items", async () => {
    const gate = deferred<void>();
    const flow = gated(gate.promise);
    const millrace = await scene().open({ workflows: [flow] });
    const run = await millrace.start(flow);
    const steps = ["list", "work", "work[1]", "last"];
    const actors = await Promise.all(steps.map((step) => run.actor(step)));
    const seen = actors.map((actor) => {
      const values: unknown[] = [actor.getSnapshot().value];
      actor.subscribe(({ value }) => {
        if (values.at(-1) !== value) values.push(value);
      });
      return values;
    });
    gate.resolve();
    expect(await run.result()).toBe("a,b");
    await Promise.all(actors.map((actor) => waitFor(actor, ({ status }) => status === "done")));
    expect(seen.map((values) => values.slice(-3))).toEqual([
      expect.arrayContaining(["completed"]),
      ["pending", "mapping", "completed"],
      ["pending", "running", "completed"],
      ["pending", "running", "completed"],
    ]);
    expect(actors[2]?.getSnapshot().context).toMatchObject({ attempt: 1, output: { json: "b" } });
  });

  it("passes on that the step is to be skipped or cancelled", async () => {
    const gate = deferred<void>();
    const flow = graph("optional")
      .step("running", () => gate.promise.then(() => "ended"))
      .step("skipped", { needs: ["running"] }, () => "never")
      .step("cancelled", () => new Promise<string>(() => undefined))
      .step("last", { needs: ["skipped", "cancelled"] }, (_ctx, input) => Object.keys(input))
      .build();
    const millrace = await scene().open({ workflows: [flow] });
    const run = await millrace.start(flow);
    await until("it runs", async () => (await run.get()).steps[2]?.status === "running");
    const [skipped, cancelled] = [await run.actor("skipped"), await run.actor("cancelled")];
    skipped.send({ type: "cmd.skip", now: 0, reason: "not today" });
    cancelled.send({ type: "cmd.cancel", now: 0, reason: "not today" });
    await waitFor(skipped, ({ value }) => value === "skipped");
    await waitFor(cancelled, ({ value }) => value === "cancelled");
    gate.resolve();
    expect(await run.result()).toEqual([]);
    expect(() => skipped.send({ type: "cmd.skip", now: 0, reason: "again" })).toThrow(
      expect.objectContaining({ code: "E_COMMAND_REFUSED" }),
    );
    expect(() => cancelled.send({ type: "cmd.start", now: 0, node: "n" })).toThrow(
      expect.objectContaining({ code: "E_COMMAND_REFUSED" }),
    );
  });

  it("stops following when it is stopped", async () => {
    const gate = deferred<void>();
    const flow = gated(gate.promise);
    const millrace = await scene().open({ workflows: [flow] });
    const run = await millrace.start(flow);
    const actor = await run.actor("last");
    actor.stop();
    gate.resolve();
    await run.result();
    expect(actor.getSnapshot()).toMatchObject({ status: "stopped", value: "waiting" });
  });
});
