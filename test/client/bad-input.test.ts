/**
 * Bad input: every id, payload and option that cannot be used is refused with its code before anything
 * is written; what looks dangerous and is only data is kept as data. Numbers are those of the catalogue
 * in the reliability reference, section 5.
 */
import { expect, it } from "vitest";
import { graph, type Millrace, open, type StartOptions } from "../../src/index.ts";
import { limits } from "../../src/kernel/limits.ts";
import { onStores, refusal, type Scene } from "../engine/kit/scene.ts";

const echo = graph<unknown>("echo")
  .step("only", (_ctx, input) => input)
  .build();

type Row = readonly [nr: number, what: string, value: unknown];

/** Options of a call as a program written without types would give them. */
const loose = (options: unknown): never => options as never;

const badIds: readonly Row[] = [
  [21, "empty", ""],
  [22, "a dot", "."],
  [22, "dots inside", "a.b"],
  [23, "an asterisk", "*"],
  [24, "a greater-than sign", ">"],
  [25, "a blank", "a b"],
  [25, "a tab", "a\tb"],
  [25, "a protocol line", "a\r\nPUB x 1"],
  [25, "a line feed at the end", "a\n"],
  [26, "NUL", "a\0b"],
  [26, "a control character", "a\u001bb"],
  [26, "a C1 control character", "a\u0085b"],
  [27, "a no-break space", "a\u00a0b"],
  [27, "a line separator", "a\u2028b"],
  [27, "a zero-width space", "a\u200bb"],
  [27, "a bidirectional override", "a\u202eb"],
  [28, "an emoji", "🚀"],
  [28, "a letter beyond ASCII", "é"],
  [29, "a lone surrogate", "\ud800"],
  [30, "129 characters", "x".repeat(129)],
  [31, "5,000 characters", "x".repeat(5_000)],
  [32, "a subject of the server", "$JS"],
  [32, "an inbox", "_INBOX"],
  [32, "a leading hyphen", "-a"],
  [32, "a leading underscore", "_a"],
  [33, "a path upwards", "../../etc/passwd"],
  [33, "a slash", "a/b"],
  [33, "a backslash", "a\\b"],
  [34, "an escaped dot", "%2e%2e"],
  [34, "an escaped NUL", "%00"],
  [35, "a number", 7],
  [35, "an object", {}],
  [35, "a list", ["a"]],
  [35, "null", null],
  [35, "a boxed string", Object("a")],
  [35, "an object that turns into a good id", { toString: () => "good" }],
];

const cycle: Record<string, unknown> = {};
cycle["self"] = cycle;

class Point {
  readonly x = 1;
}

let deep: unknown = 1;
for (let depth = 0; depth < 100_000; depth++) deep = [deep];

const badPayloads: readonly (readonly [...Row, code: string])[] = [
  [41, "a function", () => 1, "E_NOT_JSON"],
  [41, "a symbol", Symbol("s"), "E_NOT_JSON"],
  [41, "an instance of a class", new Point(), "E_NOT_JSON"],
  [41, "a Map", { map: new Map() }, "E_NOT_JSON"],
  [41, "a Set", [new Set()], "E_NOT_JSON"],
  [41, "a Date", { at: new Date() }, "E_NOT_JSON"],
  [41, "a regular expression", /x/, "E_NOT_JSON"],
  [41, "bytes", new Uint8Array(3), "E_NOT_JSON"],
  [41, "a promise", Promise.resolve(1), "E_NOT_JSON"],
  [42, "a bigint", 1n, "E_NOT_JSON"],
  [43, "NaN", Number.NaN, "E_NOT_JSON"],
  [43, "infinity", { deep: [Number.POSITIVE_INFINITY] }, "E_NOT_JSON"],
  [44, "a cycle", cycle, "E_NOT_JSON"],
  [45, "a throwing toJSON", { toJSON: () => 1 }, "E_NOT_JSON"],
  [45, "a throwing getter", Object.defineProperty({}, "x", throwing()), "E_NOT_JSON"],
  [45, "a proxy that throws", new Proxy({}, { ownKeys: throwing().get }), "E_NOT_JSON"],
  [46, "a depth of 100,000", deep, "E_NOT_JSON"],
  [47, "too many items", Array(limits.jsonKeysMax + 1).fill(0), "E_NOT_JSON"],
  [48, "too many characters", "x".repeat(limits.valueBytesMax + 1), "E_TOO_LARGE"],
  [55, "a number beyond the largest", JSON.parse("1e400"), "E_NOT_JSON"],
];

function throwing(): { enumerable: true; get: () => never } {
  const get = (): never => {
    throw new Error("do not look at me");
  };
  return { enumerable: true, get };
}

/** The calls that take an id from outside, by what the id names. */
const takesId: Readonly<Record<string, (millrace: Millrace, id: never) => unknown>> = {
  "the run to start": (millrace, id) => millrace.start(echo, 1, { id }),
  "the run to get": (millrace, id) => millrace.get(id),
  "the run to cancel": (millrace, id) => millrace.cancel(id),
  "the run to signal": (millrace, id) => millrace.signal(id, "word"),
  "a signal's name": (millrace, id) => millrace.signal("run", id),
  "a signal's id": (millrace, id) => millrace.signal("run", "word", 1, { id }),
  "the run to follow": (millrace, run) => millrace.subscribe({ run }),
  "the run to erase": (millrace, id) => millrace.history.erase(id),
  "the run to export": async (millrace, id) => {
    for await (const _ of millrace.history.export(id)) return;
  },
  "the run to look at": (millrace, id) => millrace.stateAt(id, 1),
  "the run to replay": (millrace, id) => millrace.replay(id),
  "a run to follow": (millrace, run) => millrace.subscribe({ runs: ["a", run] }),
  "the workflow to follow": (millrace, workflow) => millrace.subscribe({ workflow }),
  "the run of a handle": (millrace, id) => millrace.handle(id),
  "the run to wait for": (millrace, id) => millrace.result(id),
  "the workflow to list": (millrace, workflow) => millrace.list({ workflow }),
};

/** What the call leads to, thrown or rejected. */
const outcome = (call: () => unknown): Promise<unknown> =>
  refusal(Promise.resolve().then(call)).then((error) => (error as { code?: string }).code);

/** Nothing was written: not to the log, and nothing waits in an inbox. */
async function head(scene: Scene): Promise<unknown> {
  const store = await scene.store();
  return [await store.log.head(), (await store.inbox.read("run", 0)).length];
}

onStores("ids", (scene) => {
  it.each(Object.keys(takesId))("that cannot be used are refused: %s", async (which) => {
    const millrace = await scene().open({ workflows: [echo] });
    for (const [nr, what, id] of badIds) {
      const call = () => takesId[which]?.(millrace, id as never);
      expect(await outcome(call), `${nr}: ${what}`).toBe("E_ID_INVALID");
    }
    expect(await head(scene())).toEqual([0, 0]);
  });

  it("of all kinds of letters, and 128 of them, are used as they are (30, 39)", async () => {
    const millrace = await scene().open({ workflows: [echo] });
    const ids = ["x".repeat(128), "con", "NUL", "Case", "case", "0", "a-_Z", "constructor"];
    for (const id of ids) expect(await (await millrace.start(echo, id, { id })).result()).toBe(id);
    const listed = (await millrace.list()).map(({ run }) => run);
    expect(new Set(listed)).toEqual(new Set(ids));
  });
});

onStores("payloads", (scene) => {
  it("that JSON cannot keep are refused, in starts and in signals", async () => {
    const millrace = await scene().open({ workflows: [echo] });
    for (const [nr, what, payload, code] of badPayloads) {
      const start = () => millrace.start(echo, payload, { id: "run" });
      expect(await outcome(start), `${nr}: ${what}`).toBe(code);
      const signal = () => millrace.signal("run", "word", payload);
      expect(await outcome(signal), `${nr}: ${what}`).toBe(code);
    }
    expect(await head(scene())).toEqual([0, 0]);
  });

  const inert: readonly (readonly [...Row, kept: unknown])[] = [
    [40, "nothing", undefined, null],
    [40, "nothing inside", { a: undefined, b: [undefined] }, { b: [null] }],
    [43, "minus zero", -0, 0],
    [50, "a prototype", JSON.parse('{"__proto__":{"admin":true}}'), undefined],
    [51, "a constructor's prototype", { constructor: { prototype: { admin: true } } }, undefined],
    [52, "a constructor to revive", { lc: 2, type: "constructor", id: ["x"] }, undefined],
    [52, "a reference", { $ref: "#/x" }, undefined],
    [52, "a buffer", { type: "Buffer", data: [1, 2] }, undefined],
    [52, "what looks like a blob", { blob: "x", bytes: 1 }, undefined],
    [52, "what looks like items", { items: 1_000_000_000, of: "only" }, undefined],
    [53, "lone surrogates", { "\udc00": "\ud800" }, undefined],
    [54, "keys given twice", JSON.parse('{"a":1,"a":2}'), { a: 2 }],
    [55, "the largest integer", Number.MAX_SAFE_INTEGER, undefined],
  ];

  it.each(inert)("%i, %s: kept as data", async (_nr, _what, payload, kept = payload) => {
    const millrace = await scene().open({ workflows: [echo] });
    const run = await millrace.start(echo, payload);
    const result = await run.result();
    expect(result).toEqual(kept);
    expect(JSON.stringify(result)).toBe(JSON.stringify(kept));
    expect(({} as { admin?: boolean }).admin).toBeUndefined();
  });

  it("are not in what is logged (57)", async () => {
    const canary = "secret-canary-4711";
    const lines: string[] = [];
    const write = (...line: unknown[]): void => void lines.push(JSON.stringify(line));
    const flow = graph<{ token: string }>("canary")
      .step("ok", (ctx, input) => {
        ctx.log.info("a line");
        return input;
      })
      .step("bad", { needs: ["ok"], retry: { maxAttempts: 1 } }, () => Promise.reject(new Error()))
      .build();
    const logger = { info: write, warn: write, error: write };
    const millrace = await scene().open({ workflows: [flow], logger });
    const run = await millrace.start(flow, { token: canary });
    await run.signal("word", canary);
    await refusal(run.result());
    await scene().close(millrace);
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.join("\n")).not.toContain(canary);
  });
});

const view = { name: "counted", initial: () => 0, apply: (count: number) => count + 1 };

onStores("options of calls", (scene) => {
  const labels = (value: unknown) => (millrace: Millrace) =>
    millrace.start(echo, 1, { labels: value } as StartOptions);
  const many = Object.fromEntries(Array.from({ length: 33 }, (_, nth) => [`l${nth}`, "x"]));

  type Refused = [what: string, call: (millrace: Millrace) => unknown, code?: string];
  const bad: Refused[] = [
    ["103: a misspelt option of start", (m) => m.start(echo, 1, loose({ lables: {} }))],
    ["103: a misspelt option of list", (m) => m.list(loose({ stauts: "failed" }))],
    ["103: a misspelt option of get", (m) => m.get("run", loose({ sec: 1 }))],
    ["103: a misspelt option of signal", (m) => m.signal("run", "w", 1, loose({ ID: "x" }))],
    ["103: a misspelt option of cancel", (m) => m.cancel("run", loose({ reasons: "x" }))],
    ["103: a misspelt option of result", (m) => m.handle("run").result(loose({ timeout: 1 }))],
    ["103: a misspelt option of subscribe", (m) => m.subscribe(loose({ run: "run", form: 1 }))],
    ["107: a prototype", (m) => m.start(echo, 1, JSON.parse('{"__proto__":{"id":"x"}}'))],
    ["107: inherited options", (m) => m.start(echo, 1, Object.create({ id: "x" }))],
    ["no options", (m) => m.start(echo, 1, loose(null))],
    ["a list of options", (m) => m.list(loose([]))],
    ["a limit below zero", (m) => m.list({ limit: -1 })],
    ["half a limit", (m) => m.list({ limit: 1.5 })],
    ["a limit that is text", (m) => m.list({ limit: loose("5") })],
    ["a status that is none", (m) => m.list({ status: loose("complete") })],
    ["a seq of zero", (m) => m.get("run", { seq: 0 })],
    ["a seq that is no number", (m) => m.get("run", { seq: Number.NaN })],
    ["a from of zero", (m) => m.subscribe({ run: "run", from: 0 })],
    ["the options of before", (m) => m.subscribe(loose("run"))],
    ["a seq of many runs", (m) => m.subscribe({ from: 1 })],
    ["a from that is a word", (m) => m.subscribe({ from: loose("later") })],
    ["a from of nothing", (m) => m.subscribe({ from: loose({}) })],
    ["a from of two", (m) => m.subscribe({ from: loose({ time: 1, position: 1 }) })],
    ["a time that is none", (m) => m.subscribe({ from: { time: new Date("x") } })],
    ["a position of zero", (m) => m.subscribe({ from: { position: 0 } })],
    ["both from and after", (m) => m.subscribe({ from: "now", after: { position: 1 } })],
    ["an after without position", (m) => m.subscribe({ after: loose({ seq: 1 }) })],
    ["a run and runs", (m) => m.subscribe({ run: "a", runs: ["b"] })],
    ["runs that are none", (m) => m.subscribe({ runs: [] })],
    ["too many runs", (m) => m.subscribe({ runs: Array(1_001).fill("a") })],
    ["types that are text", (m) => m.subscribe({ types: loose("run.created") })],
    ["a type that is none", (m) => m.subscribe({ types: [loose("run.ended")] })],
    ["a type of the prototype", (m) => m.subscribe({ types: [loose("constructor")] })],
    ["steps that are none", (m) => m.subscribe({ steps: [""] })],
    ["labels to look for that are text", (m) => m.subscribe({ labels: loose("a=b") })],
    ["a seq of zero to look at", (m) => m.stateAt("run", 0)],
    ["half a seq to look at", (m) => m.stateAt("run", 1.5)],
    ["a time that is none to look at", (m) => m.stateAt("run", { time: Number.NaN })],
    ["a moment that is a Date", (m) => m.stateAt("run", loose(new Date()))],
    ["a moment to compare that is none", (m) => m.diff("run", loose("start"), 1)],
    ["a misspelt option of replay", (m) => m.replay("run", loose({ seq: 1 }))],
    ["a speed of zero", (m) => m.replay("run", { speed: 0 })],
    ["a pause that is none", (m) => m.replay("run", { maxPause: "soon" })],
    ["a misspelt option of events", (m) => m.handle("run").events(loose({ run: "other" }))],
    ["ancestors that are no answer", (m) => m.history.export("run", { ancestors: loose("no") })],
    ["a misspelt option of export", (m) => m.history.export("run", loose({ ancestor: true }))],
    ["a reason to erase that is no text", (m) => m.history.erase("run", { reason: loose(1) })],
    [
      "statuses to prune that are text",
      (m) => m.history.prune({ keep: 1, statuses: loose("failed") }),
    ],
    [
      "statuses to prune that are a number",
      (m) => m.history.unwanted({ keep: 1, statuses: loose(5) }),
    ],
    ["statuses to prune that are none", (m) => m.history.unwanted({ keep: 1, statuses: [] })],
    ["half a run to keep", (m) => m.history.unwanted({ keep: 0.5 })],
    [
      "types of a view that are text",
      (m) => m.projection({ ...view, types: loose("run.created") }),
    ],
    [
      "a type of a view that is none",
      (m) => m.projection({ ...view, types: [loose("run.ended")] }),
    ],
    ["a forget that is no function", (m) => m.projection({ ...view, forget: loose(1) })],
    [
      "a save that is no function",
      (m) => m.projection({ ...view, save: loose("x"), restore: loose("x") }),
    ],
    ["a save without restore", (m) => m.projection({ ...view, save: (n) => n })],
    ["a label to search for without value", (m) => m.search({ labels: loose({ x: undefined }) })],
    ["a label to search for that is a number", (m) => m.search({ labels: loose({ x: 1 }) })],
    ["a signal that is none", (m) => m.subscribe({ run: "run", signal: loose({}) })],
    ["a timeout that is none", (m) => m.handle("run").result({ timeoutMs: Number.NaN })],
    ["a timeout below zero", (m) => m.handle("run").result({ timeoutMs: -1 })],
    ["a reason that is no text", (m) => m.cancel("run", { reason: loose(1) })],
    ["a reason of 1 MB", (m) => m.cancel("run", { reason: "x".repeat(2 ** 20) })],
    ["a canceller that is no text", (m) => m.cancel("run", { by: loose({}) })],
    ["labels that are text", labels("abc")],
    ["labels that are a list", labels(["a"])],
    ["labels that are null", labels(null)],
    ["33 labels", labels(many)],
    ["a label of 257 characters", labels({ a: "x".repeat(257) })],
    ["a label that is no text", labels({ a: 1 })],
    ["a label's name with a dot", labels({ "a.b": "x" }), "E_ID_INVALID"],
    ["107: a label of a prototype", labels(JSON.parse('{"__proto__":"x"}')), "E_ID_INVALID"],
    ["no workflow", (m) => m.start(loose(undefined)), "E_WORKFLOW_UNKNOWN"],
    ["a builder without build", (m) => m.start(loose(graph("g"))), "E_WORKFLOW_UNKNOWN"],
    ["an unknown name", (m) => m.start("nobody"), "E_WORKFLOW_UNKNOWN"],
    ["a name of the prototype", (m) => m.start("constructor"), "E_WORKFLOW_UNKNOWN"],
    ["a forged workflow", (m) => m.start(loose({ ...echo, name: "*" })), "E_WORKFLOW_UNKNOWN"],
  ];

  it.each<Refused>(bad)("are refused: %s", async (_what, call, code = "E_OPTION_INVALID") => {
    const millrace = await scene().open({ workflows: [echo] });
    expect(await outcome(() => call(millrace))).toBe(code);
    expect(await head(scene())).toEqual([0, 0]);
  });

  it("are corrected by their own message", async () => {
    const millrace = await scene().open({ workflows: [echo] });
    const misspelt = millrace.start(echo, 1, loose({ lable: {} }));
    expect(String(await refusal(misspelt))).toContain('did you mean "labels"?');
    const status = millrace.list({ status: loose("complete") });
    expect(String(await refusal(status))).toContain('did you mean "completed"?');
  });
});

it.each<readonly [what: string, options: unknown, code?: string]>([
  ["103: a misspelt option", { stoer: "memory" }],
  ["103: a misspelt option of the worker", { worker: { step: 3 } }],
  ["107: a prototype", JSON.parse('{"__proto__":{"store":"memory"}}')],
  ["107: inherited options", Object.create({ store: "memory" })],
  ["no options", null],
  ["a store that is none", { store: 7 }],
  ["an address that is none", { store: "redis://localhost" }],
  ["workflows that are no list", { workflows: echo }],
  ["a workflow that is none", { workflows: [{}] }],
  ["two of one name", { workflows: [echo, echo] }, "E_DEF_DUPLICATE"],
  ["a worker that is none", { worker: true }],
  ["no steps", { workflows: [echo], worker: { steps: 0 } }],
  ["half a run", { workflows: [echo], worker: { runs: 1.5 } }],
  ["steps as text", { workflows: [echo], worker: { steps: "8" } }],
  ["a namespace with a dot", { namespace: "a.b" }, "E_ID_INVALID"],
  ["no namespace", { namespace: null }, "E_ID_INVALID"],
  ["a node with a star", { node: "*" }, "E_ID_INVALID"],
  ["a lease of nothing", { lease: 0 }],
  ["a lease that is none", { lease: "soon" }],
  ["a time below zero", { parkAfter: -1 }],
  ["a time without end", { stopGrace: Number.POSITIVE_INFINITY }],
  ["a sweep that is none", { sweepEvery: {} }],
  ["codecs that are no list", { codecs: {} }],
  ["a codec that is none", { codecs: [null] }],
  ["a codec without id", { codecs: [{ encode: () => 1, decode: () => 1 }] }],
  ["a logger that is none", { logger: {} }],
])("open() refuses %s", async (_what, options, code = "E_OPTION_INVALID") => {
  const usable = options instanceof Object && Object.getPrototypeOf(options) === Object.prototype;
  const given =
    usable && !Object.hasOwn(options, "store") ? { store: "memory", ...options } : options;
  const own = usable && Object.hasOwn(options, "__proto__") ? options : given;
  expect(await outcome(() => open(loose(own)))).toBe(code);
});
