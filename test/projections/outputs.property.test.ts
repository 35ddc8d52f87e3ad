/**
 * The folds of outputs, results and locations against plain models: whatever the history, and wherever
 * it is cut, saved and taken up again.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Frame } from "../../src/events/frame.ts";
import type { MillraceEvent, NoteEvent } from "../../src/events/vocabulary.ts";
import {
  type IndexedOutput,
  type OutputIndex,
  outputIndex,
} from "../../src/projections/output-index.ts";
import { emptyNotes, foldNotes, type RunNotes } from "../../src/projections/run-notes.ts";
import { values } from "../../src/testing/arbitraries/value-arbitraries.ts";

type Emitted = Extract<NoteEvent, { type: "output.emitted" }>;
type Told =
  | Emitted
  | Extract<NoteEvent, { type: "data.located" }>
  | Extract<MillraceEvent, { type: "step.completed" }>;

/** One thing that happens to the log: a frame of a run, or its erasure. */
type Happening = { readonly run: string; readonly events: readonly Told[] };

const names = fc.constantFrom("a", "b", "c");
const refs = fc.nat(30).map((n) => `out-${n}`);

const contents: fc.Arbitrary<Emitted["content"]> = fc.oneof(
  fc.record({ type: fc.constant("progress" as const), stage: fc.string() }),
  fc.record({ type: fc.constant("partial" as const), chunk: values }),
  fc.record({
    type: fc.constant("artifact" as const),
    name: fc.constantFrom("result", "report"),
    content: fc.oneof(
      values,
      fc.constantFrom({ json: "x".repeat(600) }, { json: "y".repeat(3_000) }),
    ),
  }),
  fc.record({ type: fc.constant("final" as const), content: values, ok: fc.boolean() }),
);

const told: fc.Arbitrary<Told> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant("output.emitted" as const),
      at: fc.nat(100),
      ref: refs,
      task: names,
      attempt: fc.nat(2),
      producer: names,
      content: contents,
      parents: fc.array(refs, { maxLength: 3 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant("data.located" as const),
      at: fc.nat(100),
      key: fc.oneof({ weight: 5, arbitrary: names }, { weight: 1, arbitrary: fc.constant("") }),
      node: fc.oneof({ weight: 5, arbitrary: names }, { weight: 1, arbitrary: fc.constant("") }),
      digest: fc.constantFrom("", "d1", "d2"),
      bytes: fc.nat(9),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant("step.completed" as const),
      at: fc.nat(100),
      step: names,
      attempt: fc.nat(2),
      output: values,
    }),
  },
);

/** No events: the run is erased. */
const histories: fc.Arbitrary<readonly Happening[]> = fc.array(
  fc.record({
    run: fc.constantFrom("r1", "r2", "r3"),
    events: fc.oneof(
      { weight: 8, arbitrary: fc.array(told, { minLength: 1, maxLength: 4 }) },
      { weight: 1, arbitrary: fc.constant([]) },
    ),
  }),
  { maxLength: 30 },
);

const frameOf = (seq: number, events: readonly Told[]): Frame => ({
  commit: "c",
  writer: { node: "n", epoch: 0 },
  at: 0,
  seq,
  inbox: 0,
  events,
});

function happen(
  view: OutputIndex,
  { run, events }: Happening,
  position: number,
  partitions = 1,
): void {
  const place = { run, workflow: "w", position };
  if (events.length === 0) outputIndex.forget(view, run);
  else {
    const opened = { frame: frameOf(1, events), sum: "", prev: "" };
    outputIndex.apply(view, { place, opened, partitions });
  }
}

function indexOf(history: readonly Happening[]): OutputIndex {
  const view = outputIndex.initial();
  for (const [at, happening] of history.entries()) happen(view, happening, at + 1);
  return view;
}

const bytesOf = (view: OutputIndex): string => JSON.stringify(outputIndex.save(view));
const restored = (view: OutputIndex): OutputIndex => outputIndex.restore(JSON.parse(bytesOf(view)));

/** What is left of a history when runs were erased: as a reader finds it who comes later. */
function leftOf(history: readonly Happening[]): readonly Happening[] {
  return history.map((happening, at) => {
    const erased = history.findIndex(
      ({ run, events }, later) => later > at && run === happening.run && events.length === 0,
    );
    return erased > at ? { run: "nothing", events: [] } : happening;
  });
}

describe("the index of outputs", () => {
  it("is what a plain list gives", () => {
    fc.assert(
      fc.property(histories, (history) => {
        const view = indexOf(history);
        const plain: { output: Emitted; run: string; position: number }[] = [];
        for (const [at, { run, events }] of history.entries()) {
          if (events.length === 0) {
            plain.splice(0, plain.length, ...plain.filter((known) => known.run !== run));
          }
          for (const event of events) {
            if (event.type !== "output.emitted") continue;
            if (plain.some(({ output }) => output.ref === event.ref)) continue;
            plain.push({ output: event, run, position: at + 1 });
          }
        }
        expect([...view.byRef.keys()]).toEqual(plain.map(({ output }) => output.ref));
        for (const { output, run, position } of plain) {
          expect(view.byRef.get(output.ref)).toMatchObject({
            run,
            position,
            attempt: output.attempt,
            producer: output.producer,
            type: output.content.type,
          });
        }
        for (const name of ["a", "b", "c"]) {
          const newest = plain.findLast(({ output }) => output.producer === name);
          expect(view.byProducer.get(name)?.at(-1)?.ref).toBe(newest?.output.ref);
        }
        for (const name of ["result", "report"]) {
          const newest = plain.findLast(
            ({ output: { content } }) => content.type === "artifact" && content.name === name,
          );
          expect(view.byArtifact.get(name)?.at(-1)?.ref).toBe(newest?.output.ref);
        }
      }),
    );
  });

  it("has edges only to what was there before, and both ends know of each", () => {
    fc.assert(
      fc.property(histories, (history) => {
        const order = [...indexOf(history).byRef.values()];
        const place = new Map(order.map((output, at) => [output, at]));
        const edges = (of: (output: IndexedOutput) => readonly IndexedOutput[]): number =>
          order.reduce((sum, output) => sum + of(output).length, 0);
        for (const output of order) {
          for (const parent of output.parents) {
            expect(place.get(parent)).toBeLessThan(place.get(output) ?? -1);
            expect(parent.children).toContain(output);
          }
        }
        expect(edges(({ children }) => children)).toBe(edges(({ parents }) => parents));
      }),
    );
  });

  it("taken up from a saved copy is the one that was never saved; twice is once", () => {
    fc.assert(
      fc.property(histories, fc.nat(30), (history, cut) => {
        const view = restored(indexOf(history.slice(0, cut)));
        for (const [at, happening] of history.entries()) {
          if (at >= cut) happen(view, happening, at + 1);
        }
        const whole = bytesOf(indexOf(history));
        expect(bytesOf(view)).toBe(whole);
        expect(bytesOf(restored(view))).toBe(whole);
        expect(bytesOf(indexOf(history))).toBe(whole);
      }),
    );
  });

  it("is the same for who has seen an erased run and for who has not", () => {
    // Refs of runs are their own: an output of an erased run cannot come back in another.
    const own = histories.map((history) =>
      history.map(({ run, events }, at) => ({
        run,
        events: events.map((event) =>
          event.type === "output.emitted" ? { ...event, ref: `${event.ref}-${run}-${at}` } : event,
        ),
      })),
    );
    fc.assert(
      fc.property(own, (history) => {
        expect(bytesOf(indexOf(leftOf(history)))).toBe(bytesOf(indexOf(history)));
      }),
    );
  });
});

/** The notes of one run, from its frames. */
function notesOf(frames: readonly (readonly Told[])[]): RunNotes {
  const notes = emptyNotes();
  let seq = 1;
  for (const [at, events] of frames.entries()) {
    foldNotes(notes, { run: "r", position: at + 1 }, frameOf(seq, events));
    seq += events.length;
  }
  return notes;
}

const frames = fc.array(fc.array(told, { minLength: 1, maxLength: 4 }), { maxLength: 20 });

describe("the notes of a run", () => {
  it("list the outputs of each attempt in order, find the newest of each producer and the final", () => {
    fc.assert(
      fc.property(frames, (history) => {
        const { outputs } = notesOf(history);
        const events = history.flat();
        const emitted = events.filter(
          (event, at): event is Emitted =>
            event.type === "output.emitted" &&
            events.findIndex((one) => "ref" in one && one.ref === event.ref) === at,
        );
        expect([...outputs.byRef.keys()]).toEqual(emitted.map(({ ref }) => ref));
        for (const attempt of [0, 1, 2]) {
          const own = emitted.filter((event) => event.attempt === attempt);
          const found = outputs.byAttempt.get(attempt);
          expect(found?.all.map(({ ref }) => ref) ?? []).toEqual(own.map(({ ref }) => ref));
          expect(found?.final?.ref).toBe(own.find(({ content }) => content.type === "final")?.ref);
          for (const name of ["a", "b", "c"]) {
            const newest = own.findLast(({ producer }) => producer === name);
            expect(found?.latest.get(name)?.ref).toBe(newest?.ref);
          }
        }
        for (const { ref, content } of emitted) {
          const { kept } = outputs.byRef.get(ref) ?? { kept: null };
          if (kept !== null) expect(kept).toEqual(content);
          else expect(JSON.stringify(content).length).toBeGreaterThan(100);
        }
      }),
    );
  });

  it("know where each result is: whatever was recorded last", () => {
    fc.assert(
      fc.property(frames, (history) => {
        const { results, locations } = notesOf(history);
        const [where, nodes] = [new Map<string, unknown>(), new Map<string, string>()];
        for (const event of history.flat()) model(where, nodes, event);
        expect(new Map([...locations].map(([key, { node }]) => [key, node]))).toEqual(nodes);
        const found = [...results].map(([id, place]): [string, unknown] => {
          if (place.kind === "node") return [id, `${place.at.node} ${place.at.digest}`];
          return [id, place.kind];
        });
        expect(found).toEqual([...where]);
      }),
    );
  });
});

function model(where: Map<string, unknown>, nodes: Map<string, string>, event: Told): void {
  if (event.type === "step.completed") {
    where.set(event.step, "step");
    if ("kept" in event.output) nodes.set(event.step, event.output.node);
  } else if (event.type === "output.emitted") {
    const { attempt, content, producer } = event;
    const isResult = attempt === 0 && content.type === "artifact" && content.name === "result";
    if (isResult) where.set(producer, "stored");
  } else if (event.key === "") {
    where.clear();
    nodes.clear();
  } else if (event.node === "") {
    where.delete(event.key);
    nodes.delete(event.key);
  } else {
    nodes.set(event.key, event.node);
    const inLog = ["step", "stored"].includes(String(where.get(event.key)));
    if (event.digest !== "" || !inLog) where.set(event.key, `${event.node} ${event.digest}`);
  }
}

it("outputs of runs without a common order meet their parents whichever is read first", () => {
  const emitted = (ref: string, at: number, parents: string[]) =>
    ({
      type: "output.emitted",
      ref,
      at,
      attempt: 1,
      producer: "p",
      parents,
      content: { type: "partial", seq: at },
    }) as unknown as Told;
  const born = { run: "a", events: [emitted("one", 5, [])] };
  const made = {
    run: "b",
    events: [emitted("two", 7, ["one", "own"]), emitted("own", 8, ["never"])],
  };
  const views = [
    [born, made],
    [made, born],
  ].map((history) => {
    const view = outputIndex.initial();
    for (const one of history) happen(view, one, one.run === "a" ? 7 : 5, 3);
    return view;
  });
  const [bytes] = views.map(bytesOf);
  for (const view of views) {
    const [two, one] = [view.byRef.get("two"), view.byRef.get("one")];
    // In its own run it was recorded later.
    expect(two?.parents.map(({ ref }) => ref)).toEqual(["one"]);
    expect(one?.children.map(({ ref }) => ref)).toEqual(["two"]);
    expect(view.byProducer.get("p")?.map(({ ref }) => ref)).toEqual(["one", "two", "own"]);
    expect(bytesOf(restored(view))).toBe(bytes);
    outputIndex.forget(view, "b");
    expect([...view.awaited.keys()]).toEqual([]);
  }
});
