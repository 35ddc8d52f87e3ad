/** What the command line makes of text, numbers and addresses before they are shown. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { clip, duration, jsonText, table, visible, visibleLines } from "../../src/cli/render.ts";
import { withoutSecrets } from "../../src/cli/secrets.ts";
import { fitting, type StepRow } from "../../src/cli/step-rows.ts";

const plain = (_style: unknown, text: string): string => text;
/** Any text there is, halves of characters included. */
const anyText = fc.array(fc.nat({ max: 0xffff })).map((units) => String.fromCharCode(...units));
/** What no line may hold: controls, and marks that turn the direction of writing. */
const OBEYED = /[\p{Cc}\u202a-\u202e\u2066-\u2069\u2028\u2029]/u;

describe("text from elsewhere", () => {
  it.each([
    ["\u001b[2J", "\\x1b[2J"],
    ["a\nb\tc\r", "a\\nb\\tc\\r"],
    ["\u009b31m", "\\x9b31m"],
    ["\u202egnp.exe", "\\u{202e}gnp.exe"],
    ["\ud800", "\\u{d800}"],
    ["grüße 日本 👩‍💻", "grüße 日本 👩‍💻"],
  ])("%j is shown as %s", (text, shown) => {
    expect(visible(text)).toBe(shown);
  });

  it("never holds anything that a terminal obeys", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(visible(text)).not.toMatch(OBEYED);
        for (const line of visibleLines(text)) expect(line).not.toMatch(OBEYED);
      }),
    );
  });

  it("is the same value as JSON, and harmless", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = jsonText(value);
        expect(text).not.toMatch(OBEYED);
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
        expect(JSON.parse(jsonText(value, 2))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
    expect(jsonText("\u009b\u202e")).toBe('"\\u009b\\u202e"');
    expect(jsonText(undefined)).toBe("null");
  });

  it("is cut to a width with an ellipsis", () => {
    expect(clip("abcdef", 4)).toBe("abc…");
    expect(clip("abcd", 4)).toBe("abcd");
  });
});

describe("durations", () => {
  it.each([
    [-5, "0ms"],
    [0, "0ms"],
    [999.9, "999ms"],
    [1_000, "1.0s"],
    [59_999, "59.9s"],
    [60_000, "1m00s"],
    [3_599_999, "59m59s"],
    [3_600_000, "1h00m"],
    [86_399_999, "23h59m"],
    [86_400_000 * 2.5, "2d12h"],
  ])("%d ms is %s", (ms, text) => {
    expect(duration(ms)).toBe(text);
  });
});

describe("tables", () => {
  it("align columns, leave nothing behind the last, and keep rows on one line", () => {
    const rows = [["A", "LONG"], ["longer", { text: "x\ny", style: "red" as const }], ["c"]];
    expect(table(rows, plain)).toEqual(["A       LONG", "longer  x\\ny", "c"]);
  });
});

describe("steps in few lines", () => {
  const row = (step: string, status: string): StepRow => ({
    facts: {
      step,
      status,
      attempt: 0,
      startedAt: null,
      endedAt: null,
      retryAt: null,
      error: null,
      reason: null,
      items: null,
      child: null,
    },
    counts: undefined,
  });
  const rows = [
    row("a", "completed"),
    row("b", "running"),
    row("c", "waiting"),
    row("d", "failed"),
  ];

  it("are all shown when they fit", () => {
    expect(fitting(rows, 4)).toEqual({ shown: rows, rest: undefined });
  });

  it("show what moves or failed first, in their own order, and count the rest", () => {
    const { shown, rest } = fitting(rows, 3);
    expect(shown.map(({ facts }) => facts.step)).toEqual(["b", "d"]);
    expect(rest).toBe("… and 2 more: 1 completed, 1 waiting");
  });
});

describe("credentials in addresses", () => {
  it.each([
    ["nats://user:secret@host:4222", "nats://***@host:4222"],
    ["nats://token@a,nats://u:secret@b", "nats://***@a,nats://***@b"],
    ["nats://u:se@cr/et@host", "nats://***@host"],
    ['store: "ntas://u:secret@host" is no address', 'store: "ntas://***@host" is no address'],
    ["nats://host:4222", "nats://host:4222"],
    ["at file:///x/node_modules/@scope/y.js", "at file:///x/node_modules/@scope/y.js"],
  ])("%s is shown as %s", (text, shown) => {
    expect(withoutSecrets(text)).toBe(shown);
  });
});
