/** The checker of logs: it finds nothing in a good one, and each kind of wrong in a bad one. */
import { describe, expect, it } from "vitest";
import { graph, type RecordedEvent, workflow } from "../../src/index.ts";
import { checkLog } from "../../src/testing/checks/check-log.ts";
import { onStores } from "./kit/scene.ts";

let good: readonly RecordedEvent[] = [];
let code: readonly RecordedEvent[] = [];

const flow = graph("checked")
  .step("list", () => [1, 2])
  .map("work", { over: "list", retry: { initial: 1, jitter: 0, maxAttempts: 3 } }, async (ctx) => {
    if (ctx.attempt === 1) throw new Error("again");
    const first = await ctx.emit("first", 1);
    return ctx.emit("second", 2, { parents: [first] });
  })
  .step("last", { needs: ["work"] }, () => "end")
  .build();

const talking = workflow("talking", async (ctx) => {
  await ctx.sleep("nap", 1);
  await ctx.waitFor("word");
  return ctx.waitFor("word");
});

onStores(
  "a good log",
  (scene) => {
    it("is found to be good", async () => {
      const millrace = await scene().open({ workflows: [flow, talking] });
      await (await millrace.start(flow, undefined, { id: "run" })).result();
      const talk = await millrace.start(talking, undefined, { id: "talk" });
      await talk.signal("word", 1, { id: "a" });
      await talk.signal("word", 2, { id: "b" });
      await talk.result();
      good = await scene().log("run");
      code = await scene().log("talk");
      expect(checkLog([...good, ...code], { started: ["run", "talk"] })).toEqual([]);
    });
  },
  ["memory"],
);

type Change = (events: RecordedEvent[]) => readonly unknown[];
type Type = RecordedEvent["type"];

const at = (events: readonly RecordedEvent[], type: Type, nth = 0): number => {
  const found = events.flatMap((event, index) => (event.type === type ? [index] : [])).at(nth);
  if (found === undefined) throw new Error(`there is no ${type}`);
  return found;
};

/** Seqs and positions as if nothing had been taken out or put in. */
const renumbered = (events: readonly RecordedEvent[]): RecordedEvent[] =>
  events.map((event, index) => ({
    ...event,
    seq: index + 1,
    position: index + 1,
    commit: `c${index}`,
  }));

const without =
  (type: Type, nth = 0): Change =>
  (events) =>
    renumbered(events.toSpliced(at(events, type, nth), 1));

/** The same event a second time, right after it or at the end. */
const twice =
  (type: Type, nth = 0): Change =>
  (events) => {
    const index = at(events, type, nth);
    return renumbered(events.toSpliced(index, 0, events[index] as RecordedEvent));
  };

const changed =
  (type: Type, fields: object, nth = 0): Change =>
  (events) =>
    events.with(at(events, type, nth), {
      ...(events[at(events, type, nth)] as RecordedEvent),
      ...fields,
    } as RecordedEvent);

const swapped =
  (type: Type, nth: number, other: Type, otherNth: number): Change =>
  (events) => {
    const [a, b] = [at(events, type, nth), at(events, other, otherNth)];
    const [one, two] = [events[a] as RecordedEvent, events[b] as RecordedEvent];
    return renumbered(events.with(a, two).with(b, one));
  };

const later = (event: Partial<RecordedEvent> & { readonly type: Type }): Change => {
  return (events) =>
    renumbered([...events, { ...(events.at(-1) as RecordedEvent), ...event } as RecordedEvent]);
};

const wrongs: readonly (readonly [what: string, change: Change, invariant: string])[] = [
  ["no first event", without("run.created"), "I1"],
  ["a run created twice", twice("run.created"), "I1"],
  ["a seq that is missing", (events) => events.toSpliced(3, 1), "I3"],
  [
    "a seq that is there twice",
    (events) => events.toSpliced(3, 0, events[3] as RecordedEvent),
    "I3",
  ],
  ["one commit at two places", changed("step.completed", { position: 1e6 }), "I5"],
  ["an event after the end", later({ type: "anomaly.recorded", kind: "k", detail: "d" }), "I6"],
  ["two ends", twice("run.completed"), "I6"],
  ["a step completed that never began", without("step.started"), "I7"],
  ["positions that go back", changed("step.completed", { position: 0, commit: "other" }), "I9"],
  ["an attempt left out", changed("step.started", { attempt: 3 }, 4), "I10"],
  ["an attempt begun twice", twice("step.started"), "I10"],
  ["a step that ends twice", twice("step.completed"), "I11"],
  ["a result of an older attempt", changed("step.completed", { attempt: 1 }, 1), "I12"],
  ["an epoch left out", changed("run.claimed", { epoch: 2 }), "I13"],
  ["a host that was not", changed("step.completed", { writer: { node: "x", epoch: 1 } }), "I13"],
  [
    "a step written by no host",
    changed("step.completed", { writer: { node: "x", epoch: 0 } }),
    "I13",
  ],
  ["a step begun too early", swapped("step.completed", 0, "step.mapped", 0), "I14"],
  ["an item that there is not", changed("step.started", { step: "work[7]" }, 1), "I14"],
  ["a ref that is there twice", twice("output.emitted"), "I16"],
  ["an output made from a later one", swapped("output.emitted", 0, "output.emitted", 3), "I16"],
  ["more attempts than may be", changed("step.retrying", { attempt: 3 }), "I17"],
  ["a wait below zero", changed("step.retrying", { retryAt: 0 }), "I17"],
];

const codeWrongs: readonly (readonly [what: string, change: Change, invariant: string])[] = [
  ["a timer that fires twice", twice("timer.fired"), "I20"],
  ["a timer that fires too early", changed("timer.fired", { at: 0 }), "I20"],
  ["a timer that was not set", without("timer.set"), "I20"],
  ["a signal taken twice", twice("signal.received"), "I21"],
];

const found = (events: readonly unknown[]): string[] =>
  checkLog(events as RecordedEvent[]).map(({ invariant }) => invariant);

describe("a log with", () => {
  it.each(wrongs)("%s is found to be bad", (_what, change, invariant) => {
    expect(found(change([...good]))).toContain(invariant);
  });

  it.each(codeWrongs)("%s is found to be bad", (_what, change, invariant) => {
    expect(found(change([...code]))).toContain(invariant);
  });

  it("a step begun in a cancelled run is found to be bad", () => {
    const cancelled = good.slice(0, at(good, "step.started", 1)) as RecordedEvent[];
    const last = cancelled.at(-1) as RecordedEvent;
    const more = [
      { ...last, type: "run.cancelling", by: "b", reason: "r" },
      { ...good[at(good, "step.started", 1)] },
    ] as RecordedEvent[];
    expect(found(renumbered([...cancelled, ...more]))).toContain("I17");
  });

  it("a step undone out of its turn is found to be bad", () => {
    const [created, claimed, scheduled, started, completed] = [
      "run.created",
      "run.claimed",
      "step.scheduled",
      "step.started",
      "step.completed",
    ].map((type) => good[at(good, type as Type)] as RecordedEvent);
    const undo = { ...scheduled, step: "list~undo" } as RecordedEvent;
    const early = [created, claimed, undo, scheduled, started, completed] as RecordedEvent[];
    expect(found(renumbered(early))).toContain("I19");
    const uncalled = [created, claimed, scheduled, started, completed, undo] as RecordedEvent[];
    expect(found(renumbered(uncalled))).toContain("I19");
  });

  it("a run missing whose start was acknowledged is found to be bad", () => {
    const violations = checkLog(good, { started: ["run", "lost"] });
    expect(violations).toMatchObject([{ invariant: "I1", run: "lost" }]);
  });
});
