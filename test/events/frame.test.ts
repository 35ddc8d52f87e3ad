// Frames: what is written comes back, and nothing else is ever taken for one.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { deflateRawSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FRAME_VERSION, type Frame, openFrame, sealFrame } from "../../src/events/frame.ts";
import { isMillraceError, type MillraceError } from "../../src/kernel/errors.ts";
import { limits } from "../../src/kernel/limits.ts";
import {
  eventNames,
  events,
  eventTypes,
  frames,
} from "../../src/testing/arbitraries/event-arbitraries.ts";
import { forge } from "./forge.ts";

const RUN = "run-1";

const refused = (bytes: Uint8Array, run = RUN): MillraceError => {
  try {
    openFrame(run, bytes);
  } catch (error) {
    if (isMillraceError(error, "E_FRAME_INVALID")) return error;
    throw error;
  }
  throw new Error("the frame was taken");
};

const frame = (more: Partial<Frame> = {}): Frame => ({
  commit: "c1",
  writer: { node: "n1", epoch: 1 },
  at: 5,
  seq: 1,
  inbox: 0,
  events: [{ type: "run.cancelled", at: 5 }],
  ...more,
});
const note = (text: string) =>
  ({ type: "user.noted", at: 5, name: "n", payload: { json: text } }) as const;
const header = (bytes: Uint8Array): string =>
  Buffer.from(bytes).toString("latin1", 0, Buffer.from(bytes).indexOf(10));

describe("a frame", () => {
  it("comes back as it was sealed, for every event of the vocabulary", () => {
    const seen = new Set<string>();
    const property = fc.property(frames, fc.stringMatching(/^[\w-]{22}$/), (written, prev) => {
      const sealed = sealFrame(RUN, prev, written);
      const opened = openFrame(RUN, sealed.bytes);
      assert.deepEqual(opened, { frame: written, sum: sealed.sum, prev });
      for (const { type } of written.events) seen.add(type);
    });
    fc.assert(property, { numRuns: 300 });
    expect([...seen].sort()).toEqual([...eventNames].sort());
  });

  it("is a line that says what it is, then its body, then its sum", () => {
    const { bytes, sum } = sealFrame(RUN, "-", frame());
    expect(Buffer.from(bytes).toString()).toBe(
      `MR1 - plain run-1\n${JSON.stringify({
        v: FRAME_VERSION,
        ...frame(),
        events: [{ type: "run.cancelled" }],
      })}${sum}`,
    );
  });

  it("is deflated when it is large, and comes back the same", () => {
    const large = frame({ events: Array.from({ length: 2_000 }, (_, n) => note(`note ${n}`)) });
    const { bytes } = sealFrame(RUN, "-", large);
    expect(header(bytes)).toBe("MR1 - deflate+plain run-1");
    expect(bytes.length).toBeLessThan(JSON.stringify(large).length / 4);
    expect(openFrame(RUN, bytes).frame).toEqual(large);
  });

  it("is not written when it would not fit a message, and says how large it is", () => {
    const noise = randomBytes(limits.frameBytesMax).toString("base64url");
    expect(() => sealFrame(RUN, "-", frame({ events: [note(noise)] }))).toThrow(
      expect.objectContaining({ code: "E_TOO_LARGE" }) as MillraceError,
    );
  });

  it("can be read from the middle of a larger buffer", () => {
    const { bytes } = sealFrame(RUN, "-", frame());
    const around = Buffer.concat([Buffer.from("before\n"), bytes, Buffer.from("after")]);
    expect(openFrame(RUN, around.subarray(7, 7 + bytes.length)).frame).toEqual(frame());
  });
});

describe("E_FRAME_INVALID is the answer to", () => {
  it("any changed byte", () => {
    const property = fc.property(
      frames,
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      (f, at, by) => {
        const bytes = Buffer.from(sealFrame(RUN, "-", f).bytes);
        const place = at % bytes.length;
        bytes[place] = (bytes[place] ?? 0) ^ by;
        refused(bytes);
      },
    );
    fc.assert(property, { numRuns: 500 });
  });

  it("every single flipped bit of one frame", () => {
    const { bytes } = sealFrame(RUN, "-", frame());
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = Buffer.from(bytes);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      refused(changed);
    }
  });

  it("every truncation, at either end, and anything appended", () => {
    const { bytes } = sealFrame(RUN, "-", frame());
    for (let length = 0; length < bytes.length; length++) {
      refused(bytes.subarray(0, length));
      if (length > 0) refused(bytes.subarray(length));
    }
    refused(Buffer.concat([bytes, Buffer.from("x")]));
  });

  it("another run's frame, by its name", () => {
    const { bytes } = sealFrame("run-2", "-", frame());
    expect(refused(bytes).message).toContain('belongs to run "run-2"');
    expect(refused(bytes, "run").details).toEqual({ run: "run" });
  });

  it("random bytes", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => void refused(bytes)));
  });

  it("a well-formed frame around random bytes, plain or as if deflated", () => {
    const property = fc.property(
      fc.uint8Array({ maxLength: 200 }),
      fc.constantFrom("plain", "deflate", "deflate+plain", "plain+deflate", "deflate+deflate"),
      (body, codecs) => void refused(forge({ run: RUN, codecs }, body)),
    );
    fc.assert(property, { numRuns: 300 });
  });

  it("a well-formed frame around random JSON", () => {
    fc.assert(fc.property(fc.jsonValue(), (body) => void refused(forge({ run: RUN }, body))));
  });

  it("a body that unpacks to more than the limit", () => {
    const bomb = deflateRawSync(Buffer.alloc(limits.frameInflatedBytesMax + 1));
    expect(bomb.length).toBeLessThan(100_000);
    const error = refused(forge({ run: RUN, codecs: "deflate" }, bomb));
    expect(error.cause).toMatchObject({ code: "ERR_BUFFER_TOO_LARGE" });
  });

  it.each([
    ["another magic", { run: RUN, magic: "MR2" }],
    ["one word too many", { run: RUN, codecs: "plain x" }],
    ["an unknown codec", { run: RUN, codecs: "rot13" }],
    ["no codec", { run: RUN, codecs: "" }],
    ["an inherited codec", { run: RUN, codecs: "constructor" }],
  ])("%s in the header", (_what, header) => {
    refused(forge(header, { v: 1, ...frame() }));
  });
});

describe("E_FRAME_INVALID is the answer to a body", () => {
  const body = { v: FRAME_VERSION, ...frame() } as Readonly<Record<string, unknown>>;

  it("as it should be only after no change", () => {
    expect(openFrame(RUN, forge({ run: RUN }, body)).frame.commit).toBe("c1");
  });

  it.each(Object.keys(body))("without %s", (field) => {
    const { [field]: _, ...rest } = body;
    refused(forge({ run: RUN }, rest));
  });

  it.each<readonly [string, unknown]>([
    ["v", 2],
    ["v", 0],
    ["v", -1],
    ["v", 1.5],
    ["v", "1"],
    ["commit", 1],
    ["writer", null],
    ["writer", { node: "n" }],
    ["writer", { node: "n", epoch: "1" }],
    ["at", "5"],
    ["at", null],
    ["seq", 1.5],
    ["seq", null],
    ["inbox", "0"],
    ["events", {}],
    ["events", []],
    ["events", [null]],
    ["events", ["run.cancelled"]],
    ["events", [[]]],
    ["events", [{}]],
    ["events", [{ type: "run.exploded" }]],
    ["events", [{ type: "constructor" }]],
    ["events", [{ type: ["run.cancelled"] }]],
    ["events", [{ type: "run.cancelled", at: "5" }]],
  ])("with %s: %j", (field, value) => {
    refused(forge({ run: RUN }, { ...body, [field]: value }));
  });

  it("with a number that no JSON number is", () => {
    const timer = { type: "timer.set", timer: "t", due: 123 };
    const events = [{ type: "run.cancelled", at: 123 }];
    for (const more of [{ at: 123 }, { seq: 123 }, { events }, { events: [timer] }]) {
      const text = JSON.stringify({ ...body, ...more }).replace("123", "1e999");
      refused(forge({ run: RUN }, Buffer.from(text)));
    }
  });

  it("with an event whose field is missing or of another type", () => {
    const optional = new Set([
      ...["at", "labels", "deadline", "maxAttempts", "startBy", "endBy", "encoding", "undo"],
      ...["correlation", "faults", "whenFailed", "whenUndoFailed", "approval", "decision"],
      ...["forkOf", "parent", "chain", "concurrency", "irreversible"],
      ...["grant", "placement", "place"],
      ...["admission", "gather", "state", "ended"],
    ]);
    const sometimes = new Map([
      ["notBefore", new Set<string>(["run.created"])],
      ["tick", new Set<string>(["run.created"])],
      ["order", new Set<string>(["schedule.ticked", "schedule.skipped"])],
      ["overlap", new Set<string>(["schedule.triggered"])],
      ["step", new Set<string>(["anomaly.recorded", "user.noted"])],
      ["error", new Set<string>(["run.compensating", "run.parked", "child.stopping"])],
      [
        "input",
        new Set<string>(["step.scheduled", "step.started", "step.rescheduled", "run.planned"]),
      ],
      ["until", new Set<string>(["run.cancelling"])],
      ["by", new Set<string>(["step.failed", "step.skipped"])],
      ["reason", new Set<string>(["step.failed"])],
      ["output", new Set<string>(["step.skipped"])],
    ]);
    const wrong = [undefined, null, true, 7, -1, 1.5, "x", [], {}];
    const property = fc.property(events, fc.nat(), fc.nat(), (event, pick, other) => {
      const fields = Object.keys(event).filter((name) => name !== "type");
      const field = fields[pick % fields.length] ?? "at";
      const value = (event as unknown as Record<string, unknown>)[field];
      const instead = wrong[other % wrong.length];
      const absent = instead === undefined;
      const mayMiss = optional.has(field) || sometimes.get(field)?.has(event.type) === true;
      fc.pre(!(absent && mayMiss));
      fc.pre(absent || kindOf(instead) !== kindOf(value));
      fc.pre(
        !(
          (field === "until" || (event.type === "wait.opened" && field === "due")) &&
          (instead === null || typeof instead === "number")
        ),
      );
      const eitherPlan = field === "plan" && event.type === "run.created";
      fc.pre(!(eitherPlan && (instead === null || kindOf(instead) === "object")));
      const changed = { ...event, [field]: instead };
      refused(forge({ run: RUN }, { ...body, events: [{ type: "run.cancelled" }, changed] }));
    });
    fc.assert(property, { numRuns: 1_000 });
  });

  it.each([
    ["step.mapped", { count: -1 }],
    ["step.mapped", { count: 1.5 }],
    ["step.started", { attempt: -1 }],
    ["run.claimed", { epoch: 0.5 }],
    ["run.parked", { until: "soon" }],
    ["step.completed", { output: {} }],
    ["step.completed", { output: { blob: 5, bytes: 1 } }],
    ["run.completed", { output: { items: "2", of: "a" } }],
    ["run.failed", { error: { code: "E" } }],
    ["step.failed", { error: { code: "E", message: "m", cause: "c" } }],
    ["wait.opened", { approval: { prompt: "p", onTimeout: "wait" } }],
    ["wait.opened", { approval: { prompt: "p", onTimeout: "fail", approvers: [1] } }],
    ["signal.received", { decision: { approved: "yes", by: "b" } }],
    ["signal.received", { decision: { approved: true, by: "b", comment: 5 } }],
  ] as const)("with %s of %j", (type, more) => {
    const [event] = fc.sample(eventTypes[type] as fc.Arbitrary<object>, 1);
    refused(forge({ run: RUN }, { ...body, events: [{ ...event, ...more }] }));
  });

  it("with causes nested deeper than a stack, or an event type of a megabyte: in one short line", () => {
    const deep = `${'{"code":"E","message":"m","cause":'.repeat(30_000)}5${"}".repeat(30_000)}`;
    const failed = JSON.stringify({ type: "run.failed", error: 0 }).replace(":0", `:${deep}`);
    const text = JSON.stringify({ ...body, events: [0] }).replace("[0]", `[${failed}]`);
    refused(forge({ run: RUN }, Buffer.from(text)));
    const type = "x".repeat(1_000_000);
    const error = refused(forge({ run: RUN }, { ...body, events: [{ type }] }));
    expect(error.message.length).toBeLessThan(400);
  });
});

const kindOf = (value: unknown): string =>
  value === null ? "null" : Array.isArray(value) ? "array" : typeof value;
