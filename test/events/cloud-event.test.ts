/** Events as CloudEvents: by the rules of the specification, whatever was recorded. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { toCloudEvent } from "../../src/events/cloud-event.ts";
import type { RecordedEvent } from "../../src/events/vocabulary.ts";
import { events } from "../../src/testing/arbitraries/event-arbitraries.ts";

const recorded: fc.Arbitrary<RecordedEvent> = fc
  .tuple(events, fc.nat(), fc.maxSafeNat(), fc.nat(9))
  .map(([event, seq, position, epoch]) => ({
    ...event,
    run: "run-1",
    workflow: "flow",
    seq: 1 + (seq % 1_000_000),
    position: 1 + position,
    commit: "c1",
    writer: { node: "n1", epoch },
  }));

describe("a CloudEvent", () => {
  it("has attributes whose names and values the specification allows", () => {
    fc.assert(
      fc.property(recorded, (event) => {
        const { data, ...attributes } = toCloudEvent(event);
        for (const [name, value] of Object.entries(attributes)) {
          expect(name).toMatch(/^[a-z0-9]{1,20}$/);
          if (typeof value === "number") {
            expect(Number.isInteger(value) && Math.abs(value) < 2 ** 31).toBe(true);
          } else expect(value).toMatch(/^[^\p{Cc}\p{Cs}]+$/u);
        }
        expect(attributes.time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
        expect(JSON.parse(JSON.stringify(data))).toEqual(JSON.parse(JSON.stringify(data)));
      }),
    );
  });

  it("keeps all that the event says", () => {
    fc.assert(
      fc.property(recorded, (event) => {
        const { data, type, run, workflow, seq, position, commit, node, epoch } =
          toCloudEvent(event);
        expect({
          ...data,
          type: type.replace(/^millrace\./, ""),
          at: event.at,
          ...{ run, workflow, seq, commit },
          position: Number(position),
          writer: { node, epoch },
        }).toEqual(event);
      }),
    );
  });

  it("orders the events of a source as text, and names each one differently", () => {
    fc.assert(
      fc.property(recorded, recorded, (one, other) => {
        const [left, right] = [toCloudEvent(one), toCloudEvent(other)];
        const order = one.position - other.position || one.seq - other.seq;
        const asText = left.sequence < right.sequence ? -1 : left.sequence > right.sequence ? 1 : 0;
        expect(Math.sign(order)).toBe(asText);
        expect(left.id === right.id).toBe(one.seq === other.seq);
      }),
    );
  });

  it("comes from where it is said, or from /millrace", () => {
    const event: RecordedEvent = {
      type: "run.cancelled",
      at: 1_772_366_400_500,
      ...{ run: "r", workflow: "w", seq: 3, position: 17, commit: "c" },
      writer: { node: "n", epoch: 1 },
    };
    expect(toCloudEvent(event)).toEqual({
      specversion: "1.0",
      id: "c.3",
      source: "/millrace",
      type: "millrace.run.cancelled",
      subject: "r",
      time: "2026-03-01T12:00:00.500Z",
      datacontenttype: "application/json",
      ...{ workflow: "w", run: "r", seq: 3, position: "17", commit: "c", node: "n", epoch: 1 },
      sequence: "0000000000000017.0000003",
      partitionkey: "r",
      data: {},
    });
    const source = "https://orders.example/millrace";
    expect(toCloudEvent(event, { source }).source).toBe(source);
    for (const bad of ["", "two words", "tab\t", 7 as unknown as string]) {
      expect(() => toCloudEvent(event, { source: bad })).toThrow("source: must be a URI");
    }
  });
});
