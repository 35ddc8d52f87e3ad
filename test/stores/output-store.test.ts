/**
 * The output store on every adapter: the acceptance tests of mlua-swarm by number (docs/seeds.md), and
 * what ours promises beyond them.
 */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { deferred } from "../../src/kernel/async.ts";
import { open } from "../../src/runtime/open.ts";
import { beginDriven } from "../../src/stores/driven-run.ts";
import type { OutputEvent } from "../../src/stores/output-content.ts";
import type { OutputRecord } from "../../src/stores/output-records.ts";
import { graph } from "../../src/workflow/graph.ts";
import { sharedNatsServer } from "../support/nats-server.ts";
import { adapters, type ScratchPlace, type StoreNode } from "./outputs-kit.ts";

const progress = (stage: string): OutputEvent => ({ type: "progress", stage });
const partial = (chunk: unknown): OutputEvent => ({ type: "partial", chunk });
const artifact = (name: string, value: unknown): OutputEvent => ({
  type: "artifact",
  name,
  content: { kind: "inline", value },
});
const final = (value: unknown, ok = true): OutputEvent => ({
  type: "final",
  content: { kind: "inline", value },
  ok,
});
const stages = (records: readonly OutputRecord[]): unknown[] =>
  records.map(({ event }) => (event.type === "progress" ? event.stage : event.type));

const url = sharedNatsServer();

describe.each(adapters(url))("output store on %s", (_name, makePlace) => {
  let place: ScratchPlace;
  let node: StoreNode;

  beforeEach(async () => {
    place = await makePlace();
    node = await place.open();
  });
  afterEach(() => place.destroy());

  it("1: what was appended is got by its ref", async () => {
    const { outputs } = node;
    const ref = await outputs.append("t1", 1, "worker", artifact("plan", { steps: [1, 2] }));
    expect(ref).toMatch(/^out-[0-9a-f]{10}/);
    expect(ref).toMatch(/^out-[0-9a-f]{20}$/);
    expect(await outputs.get(ref)).toMatchObject({
      ref,
      taskId: "t1",
      attempt: 1,
      producer: "worker",
      event: artifact("plan", { steps: [1, 2] }),
      parentRefs: [],
    });
  });

  it("2: an attempt lists its own outputs in the order in which they were appended", async () => {
    const { outputs } = node;
    await outputs.append("t1", 1, "worker", progress("one"));
    await outputs.append("t1", 2, "worker", progress("other attempt"));
    await outputs.append("t2", 1, "worker", progress("other task"));
    await outputs.append("t1", 1, "worker", progress("two"));
    expect(stages(await outputs.listForAttempt("t1", 1))).toEqual(["one", "two"]);
    expect(await outputs.listForAttempt("t1", 3)).toEqual([]);
    expect(await outputs.listForAttempt("nobody", 1)).toEqual([]);
  });

  it("3: the latest by name is the newest of that producer over all tasks", async () => {
    const { outputs } = node;
    await outputs.append("t", 1, "a", progress("first"));
    const second = await outputs.append("t2", 1, "a", progress("second"));
    await outputs.append("t2", 1, "b", progress("b's"));
    expect((await outputs.getLatestByName("a")).ref).toBe(second);
  });

  it("4: what is not there is named in the refusal", async () => {
    const { outputs } = node;
    await expect(outputs.getLatestByName("nobody")).rejects.toMatchObject({
      code: "E_OUTPUT_NOT_FOUND",
      message: expect.stringContaining("output not found: nobody"),
    });
    await expect(outputs.get("out-0123456789")).rejects.toMatchObject({
      code: "E_OUTPUT_NOT_FOUND",
      message: expect.stringContaining("out-0123456789"),
    });
    await expect(outputs.lineage("out-0123456789")).rejects.toMatchObject({
      code: "E_OUTPUT_NOT_FOUND",
    });
    await expect(outputs.getLatestArtifact("report")).rejects.toMatchObject({
      code: "E_OUTPUT_NOT_FOUND",
    });
  });

  it("5: the latest in a run looks nowhere else", async () => {
    const { outputs } = node;
    await outputs.append("t1", 1, "a", progress("old"));
    const newest = await outputs.append("t1", 1, "a", progress("new"));
    await outputs.append("t2", 1, "a", progress("newer, elsewhere"));
    expect((await outputs.getLatestByNameInRun("t1", 1, "a")).ref).toBe(newest);
    await expect(outputs.getLatestByNameInRun("t1", 2, "a")).rejects.toMatchObject({
      code: "E_OUTPUT_NOT_FOUND",
      message: expect.stringContaining("t1/2/a"),
    });
  });

  it("6: parents keep their order, and the lineage goes up and down over runs", async () => {
    const { outputs } = node;
    const a = await outputs.append("t1", 1, "a", progress("a"));
    const b = await outputs.append("t2", 1, "b", progress("b"));
    const c = await outputs.append("t2", 1, "c", artifact("c", 1), [b, a]);
    const d = await outputs.append("t3", 1, "d", final(1), [c]);
    expect((await outputs.get(c)).parentRefs).toEqual([b, a]);
    const refs = (entries: readonly { ref: string }[]): string[] => entries.map(({ ref }) => ref);
    expect(refs((await outputs.lineage(d)).up)).toEqual([c, b, a]);
    expect(refs((await outputs.lineage(a)).down)).toEqual([c, d]);
    expect((await outputs.lineage(b)).up).toEqual([]);
  });

  it("6: an unknown parent is refused, so there can be no cycle", async () => {
    const { outputs } = node;
    await expect(
      outputs.append("t1", 1, "a", progress("a"), ["out-00000000000000000000"]),
    ).rejects.toMatchObject({
      code: "E_OUTPUT_NOT_FOUND",
      message: expect.stringContaining("out-00000000000000000000"),
    });
    expect(await outputs.listForAttempt("t1", 1)).toEqual([]);
  });

  it("7: another process finds records, order and the latest", async () => {
    const refs = [
      await node.outputs.append("t1", 1, "a", progress("one")),
      await node.outputs.append("t1", 1, "a", artifact("report", "x".repeat(200_000))),
    ];
    const other = await place.open("node-2");
    const list = await other.outputs.listForAttempt("t1", 1);
    expect(list.map(({ ref }) => ref)).toEqual(refs);
    expect(await node.outputs.listForAttempt("t1", 1)).toEqual(list);
    expect((await other.outputs.getLatestByName("a")).ref).toBe(refs[1]);
    expect((await other.outputs.getLatestArtifact("report")).event).toEqual(
      artifact("report", "x".repeat(200_000)),
    );
  });

  it("8: the JSON of every kind of output is the seed's", async () => {
    const { outputs } = node;
    const file = {
      kind: "file_ref",
      path: "/data/a.bin",
      mime: "text/plain",
      size_hint: 3,
    } as const;
    const events: OutputEvent[] = [
      { type: "progress", stage: "plan", note: "half way" },
      { type: "progress", stage: "act" },
      { type: "partial", chunk: "some text" },
      { type: "artifact", name: "plan", content: { kind: "inline", value: { a: [null, 1] } } },
      { type: "artifact", name: "file", content: file },
      { type: "artifact", name: "bare", content: { kind: "file_ref", path: "b" } },
      { type: "artifact", name: "looks-like-one", content: { kind: "inline", value: file } },
      { type: "final", content: { kind: "inline", value: null }, ok: false },
    ];
    for (const event of events) await outputs.append("t1", 1, "a", event);
    const records = await outputs.listForAttempt("t1", 1);
    expect(records.map(({ event }) => JSON.parse(JSON.stringify(event)))).toEqual(events);
  });

  it("8: an unknown tag is refused", async () => {
    const { outputs } = node;
    const wrong = [
      { type: "verdict", content: { kind: "inline", value: 1 } },
      { type: "artifact", name: "a", content: { kind: "url", value: 1 } },
      { type: "artifact", name: "a" },
      { type: "final", content: { kind: "inline", value: 1 } },
      { type: "progress" },
      { type: "artifact", name: "a", content: { kind: "file_ref", path: "" } },
    ] as unknown as OutputEvent[];
    for (const event of wrong) {
      await expect(outputs.append("t1", 1, "a", event)).rejects.toMatchObject({
        code: "E_OPTION_INVALID",
      });
    }
    expect(await outputs.listForAttempt("t1", 1)).toEqual([]);
  });

  it("9: nothing comes after the final of an attempt", async () => {
    const { outputs } = node;
    await expect(outputs.getFinal("t1", 1)).rejects.toMatchObject({
      code: "E_OUTPUT_NOT_FOUND",
      message: expect.stringContaining("no final"),
    });
    const ref = await outputs.append("t1", 1, "a", final("done"));
    for (const event of [final("again"), progress("late"), artifact("late", 1)]) {
      await expect(outputs.append("t1", 1, "b", event)).rejects.toMatchObject({
        code: "E_OUTPUT_SEALED",
      });
    }
    await outputs.append("t1", 2, "a", final("the next attempt has its own"));
    expect((await outputs.getFinal("t1", 1)).ref).toBe(ref);
    expect((await outputs.listForAttempt("t1", 1)).map((one) => one.ref)).toEqual([ref]);
  });

  it("9: of many finals at once, from two processes, one is taken", async () => {
    const other = await place.open("node-2");
    const tries = await Promise.allSettled(
      Array.from({ length: 12 }, (_, n) =>
        (n % 2 === 0 ? node : other).outputs.append("t1", 1, `p${n}`, final(n)),
      ),
    );
    expect(tries.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    expect(await node.outputs.listForAttempt("t1", 1)).toHaveLength(1);
  });

  it("10: one key, one record, from whichever process and after the final too", async () => {
    const other = await place.open("node-2");
    const big = artifact("report", "x".repeat(10_000));
    const refs = await Promise.all(
      [node, other, node].map(({ outputs }) => outputs.append("t1", 1, "a", big, [], { key: "k" })),
    );
    await node.outputs.append("t1", 1, "a", final(1));
    refs.push(await other.outputs.append("t1", 1, "a", big, [], { key: "k" }));
    expect(new Set(refs).size).toBe(1);
    expect(await node.outputs.listForAttempt("t1", 1)).toHaveLength(2);
    await expect(
      node.outputs.append("t1", 1, "a", progress("something else"), [], { key: "k" }),
    ).rejects.toMatchObject({ code: "E_OUTPUT_CONFLICT" });
    expect(await node.outputs.append("t2", 1, "a", big, [], { key: "k" })).not.toBe(refs[0]);
  });

  it("11: 20 producers at once lose nothing and keep their order", async () => {
    const other = await place.open("node-2");
    const producers = Array.from({ length: 20 }, (_, n) => `p${n}`);
    await Promise.all(
      producers.map(async (producer, n) => {
        const { outputs } = n % 2 === 0 ? node : other;
        for (let i = 0; i < 5; i++) await outputs.append("t1", 1, producer, progress(`${i}`));
      }),
    );
    const all = await node.outputs.listForAttempt("t1", 1);
    expect(all).toHaveLength(100);
    for (const producer of producers) {
      const own = all.filter((record) => record.producer === producer);
      expect(stages(own)).toEqual(["0", "1", "2", "3", "4"]);
    }
  });

  it("17: what a step hands out is there while it still runs", async () => {
    const [handedOut, goOn] = [deferred<string>(), deferred<void>()];
    const flow = graph("flow")
      .step("make", async (ctx) => {
        const first = await ctx.emit("draft", { text: "…" });
        handedOut.resolve(await ctx.emit("draft", { text: "more" }, { parents: [first] }));
        await goOn.promise;
        return 1;
      })
      .build();
    const { store } = node.engine;
    const millrace = await open({ store, node: "node-1", workflows: [flow] });
    const run = await millrace.start(flow);
    const ref = await handedOut.promise;
    const other = await place.open("node-2");
    expect(ref).toMatch(/^out-[0-9a-f]{20}$/);
    expect(await other.outputs.getLatestByName("make")).toMatchObject({
      ref,
      taskId: run.id,
      attempt: 1,
      event: artifact("draft", { text: "more" }),
    });
    expect((await other.outputs.lineage(ref)).up).toHaveLength(1);
    const streamed: OutputRecord[] = [];
    const reading = (async () => {
      for await (const record of other.outputs.stream(run.id)) streamed.push(record);
    })();
    const extra = await other.outputs.append(run.id, 1, "watcher", progress("seen"), [ref]);
    goOn.resolve();
    expect(await run.result()).toBe(1);
    await reading;
    expect(streamed.map((one) => one.ref)).toEqual([streamed[0]?.ref, ref, extra]);
    await millrace.close();
  });

  it("19: names that are paths are refused, and no name is special", async () => {
    const { outputs } = node;
    for (const name of ["..", "a/b", "a b", "", "*", ">", "a.b"]) {
      const refused = { code: "E_ID_INVALID" };
      await expect(outputs.append("t1", 1, name, progress("x"))).rejects.toMatchObject(refused);
      await expect(outputs.append(name, 1, "a", progress("x"))).rejects.toMatchObject(refused);
      await expect(outputs.append("t1", 1, "a", artifact(name, 1))).rejects.toMatchObject(refused);
    }
    const ref = await outputs.append("t1", 1, "emit", artifact("emit", 1));
    expect((await outputs.getLatestByName("emit")).ref).toBe(ref);
    expect(await outputs.listForAttempt("t1", 1)).toHaveLength(1);
  });

  it("streams what is there, then what comes, and ends after the final", async () => {
    const other = await place.open("node-2");
    await node.outputs.append("t1", 1, "a", partial("one"));
    await node.outputs.append("t1", 2, "a", partial("other attempt"));
    const chunks: unknown[] = [];
    const seen = deferred<void>();
    const reading = (async () => {
      for await (const { event } of other.outputs.stream("t1", { attempt: 1 })) {
        chunks.push(event.type === "partial" ? event.chunk : event.type);
        seen.resolve();
      }
    })();
    await seen.promise;
    await node.outputs.append("t1", 1, "a", partial({ n: 2 }));
    await node.outputs.append("t1", 1, "b", partial("x".repeat(100_000)));
    await node.outputs.append("t1", 1, "a", final(3));
    await reading;
    expect(chunks).toEqual(["one", { n: 2 }, "x".repeat(100_000), "final"]);
  });

  it("streams one producer of a task that does not exist yet, until told to stop", async () => {
    const stop = new AbortController();
    const chunks: unknown[] = [];
    const reading = (async () => {
      const options = { producer: "b", signal: stop.signal };
      for await (const { event } of node.outputs.stream("later", options)) {
        chunks.push(event.type === "partial" && event.chunk);
        if (chunks.length === 2) stop.abort();
      }
    })();
    for (const [producer, chunk] of [
      ["a", 1],
      ["b", 2],
      ["a", 3],
      ["b", 4],
    ] as const) {
      await node.outputs.append("later", 1, producer, partial(chunk));
    }
    await reading;
    expect(chunks).toEqual([2, 4]);
  });

  it("finds the newest artifact by name, over all tasks or in one", async () => {
    const { outputs } = node;
    const one = await outputs.append("t1", 1, "a", artifact("report", 1));
    const two = await outputs.append("t2", 1, "b", artifact("report", 2));
    await outputs.append("t2", 1, "b", artifact("other", 3));
    await outputs.append("t2", 1, "report", final(4));
    expect((await outputs.getLatestArtifact("report")).ref).toBe(two);
    expect((await outputs.getLatestArtifact("report", { taskId: "t1" })).ref).toBe(one);
    await expect(outputs.getLatestArtifact("other", { taskId: "t1" })).rejects.toMatchObject({
      code: "E_OUTPUT_NOT_FOUND",
    });
  });

  it("hands out copies", async () => {
    const { outputs } = node;
    const ref = await outputs.append("t1", 1, "a", artifact("x", { list: [1] }));
    const record = await outputs.getLatestByNameInRun("t1", 1, "a");
    const { event } = record;
    if (event.type !== "artifact" || event.content.kind !== "inline") throw new Error("artifact");
    (event.content.value as { list: number[] }).list.push(2);
    expect((await outputs.listForAttempt("t1", 1))[0]?.event).toEqual(artifact("x", { list: [1] }));
    expect((await outputs.get(ref)).event).toEqual(artifact("x", { list: [1] }));
  });

  it("forgets an erased task, and finds what was the newest before it", async () => {
    const other = await place.open("node-2");
    const kept = await node.outputs.append("t1", 1, "a", progress("stays"));
    const gone = await node.outputs.append("t2", 1, "a", progress("goes"), [kept]);
    expect((await other.outputs.getLatestByName("a")).ref).toBe(gone);
    await node.engine.store.log.erase("t2");
    expect((await other.outputs.getLatestByName("a")).ref).toBe(kept);
    await expect(other.outputs.get(gone)).rejects.toMatchObject({ code: "E_OUTPUT_NOT_FOUND" });
    expect((await other.outputs.lineage(kept)).down).toEqual([]);
    await expect(other.outputs.append("t2", 1, "a", progress("late"))).rejects.toMatchObject({
      code: "E_RUN_ERASED",
    });
    await beginDriven(other.journal, other.engine, "t2", { workflow: "flow" });
    const again = await node.outputs.append("t2", 1, "a", progress("anew"));
    expect((await other.outputs.getLatestByName("a")).ref).toBe(again);
    expect(await other.outputs.listForAttempt("t2", 1)).toHaveLength(1);
  });

  it("refuses an attempt that is no number", async () => {
    for (const attempt of [-1, 1.5, Number.NaN]) {
      await expect(node.outputs.append("t1", attempt, "a", progress("x"))).rejects.toMatchObject({
        code: "E_OPTION_INVALID",
      });
    }
  });
});
