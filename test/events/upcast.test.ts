// Old frames are lifted, version by version; what nobody can lift is refused.
import { describe, expect, it } from "vitest";
import { recordedEvents } from "../../src/events/recorded.ts";
import { shapes } from "../../src/events/shapes.ts";
import { upcast } from "../../src/events/upcast.ts";
import type { MillraceError } from "../../src/kernel/errors.ts";

const invalid = expect.objectContaining({ code: "E_FRAME_INVALID" }) as MillraceError;

const lifts = {
  1: ({ ts, ...frame }: Record<string, unknown>) => ({ ...frame, at: ts }),
  2: (frame: Record<string, unknown>) => ({ ...frame, inbox: 0, v: "its own idea of a version" }),
};

describe("upcast", () => {
  it("lifts through every version up to the current one", () => {
    expect(upcast({ v: 1, ts: 5, commit: "c" }, 3, lifts)).toEqual({
      v: 3,
      at: 5,
      commit: "c",
      inbox: 0,
    });
    expect(upcast({ v: 2, at: 5 }, 3, lifts)).toEqual({ v: 3, at: 5, inbox: 0 });
  });

  it("leaves the recorded frame alone, and a current one as it is", () => {
    const old = Object.freeze({ v: 1, ts: 5 });
    upcast(old, 3, lifts);
    expect(old).toEqual({ v: 1, ts: 5 });
    const current = { v: 3 };
    expect(upcast(current, 3, lifts)).toBe(current);
  });

  it.each<readonly [unknown, RegExp]>([
    [{ v: 4 }, /version 4, this code knows 3; update millrace/],
    [{ v: 0 }, /nothing lifts a frame of version 0/],
    [{ v: -(2 ** 53) }, /names no version/],
    [{ v: -5 }, /nothing lifts/],
    [{ v: "1" }, /names no version/],
    [{}, /names no version/],
    [[], /names no version/],
    [null, /not an object/],
    ["v1", /not an object/],
    [5, /not an object/],
  ])("refuses %j", (raw, message) => {
    expect(() => upcast(raw, 3, lifts)).toThrow(invalid);
    expect(() => upcast(raw, 3, lifts)).toThrow(message);
  });

  it("refuses a gap in what can be lifted", () => {
    expect(() => upcast({ v: 1 }, 3, { 2: lifts[2] })).toThrow(/version 1/);
  });
});

describe("recorded events", () => {
  it("of runs and steps hide no field of theirs behind their place", () => {
    const place = ["run", "workflow", "seq", "position", "commit", "writer"];
    const ofRuns = Object.entries(shapes).filter(([type]) => !/^(gate|schedule)\./.test(type));
    const hidden = ofRuns.flatMap(([type, fields]) =>
      Object.keys(fields).flatMap((field) => (place.includes(field) ? [`${type}.${field}`] : [])),
    );
    // It is the same there.
    expect(hidden).toEqual(["run.created.workflow"]);
  });

  it("carry the place of their frame and a seq of their own, which no field of theirs can forge", () => {
    const forged = { type: "run.cancelled", at: 1, seq: 99, run: "other", position: 1 } as const;
    const frame = {
      commit: "c",
      writer: { node: "n", epoch: 2 },
      at: 1,
      seq: 4,
      inbox: 0,
      events: [forged, { type: "timer.fired", at: 1, timer: "t" } as const],
    };
    const place = { run: "r", workflow: "w", position: 7 };
    const shared = { ...place, commit: "c", writer: { node: "n", epoch: 2 }, at: 1 };
    expect(recordedEvents(place, frame)).toEqual([
      { type: "run.cancelled", ...shared, seq: 4 },
      { type: "timer.fired", timer: "t", ...shared, seq: 5 },
    ]);
  });
});
