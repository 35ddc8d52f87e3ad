/** `millrace runs`, `show`, `events` and `gantt` over a store that others have filled. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { open, type Timeline } from "../../src/index.ts";
import { readChart } from "../support/chart.ts";
import { command, FLOWS, jsonLines, scratchFolder, scratchStore, start } from "./command.ts";
import { hostile, patient, shaky, squares } from "./fixtures/flows.ts";

let store = "";
const look = (...args: string[]) => command([...args, "--store", store]);

beforeAll(async () => {
  store = await scratchStore();
  const workflows = [squares, shaky, hostile];
  await using millraceHere = await open({ store, workflows });
  const labels = { team: "red\u001b[31m" };
  await (await millraceHere.start(squares, { n: 150 }, { id: "many", labels })).result();
  await (await millraceHere.start(shaky, null, { id: "shaky" })).result();
  await (await millraceHere.start(hostile, null, { id: "bad" })).result().catch(() => undefined);
  await using elsewhere = await open({ store, workflows: [patient], worker: false });
  await elsewhere.start(patient, { who: "you" }, { id: "idle" });
});

describe.concurrent("millrace runs", () => {
  it("lists runs in a table, the newest first", async () => {
    const { code, stdout } = await look("runs");
    expect(code).toBe(0);
    const [header, ...rows] = stdout.trimEnd().split("\n");
    expect(header).toMatch(/^RUN +WORKFLOW +STATUS +STEPS +CREATED +DURATION +NOTE$/);
    expect(rows.map((row) => row.split(/ +/).slice(0, 3))).toEqual([
      ["idle", "patient", "pending"],
      ["bad", "hostile", "failed"],
      ["shaky", "shaky", "completed"],
      ["many", "squares", "completed"],
    ]);
    expect(stdout).toMatch(/E_STEP_FAILED: .*\\x1b\[2Jboom/);
    expect(stdout).not.toContain("\u001b");
  });

  it.each<[string[], string[]]>([
    [["--status", "failed"], ["bad"]],
    [["--workflow", "squares"], ["many"]],
    [
      ["--limit", "2"],
      ["idle", "bad"],
    ],
    [["--limit", "0"], []],
    [["--namespace", "other"], []],
  ])("takes %j", async (flags, expected) => {
    const { code, stdout } = await look("runs", "--json", ...flags);
    expect(code).toBe(0);
    const runs = JSON.parse(stdout) as { run: string }[];
    expect(runs.map(({ run }) => run)).toEqual(expected);
  });

  it("says that there are none on stderr", async () => {
    const { code, stdout, stderr } = await look("runs", "--workflow", "none");
    expect([code, stdout, stderr]).toEqual([0, "", "no runs\n"]);
  });
});

describe.concurrent("millrace show", () => {
  it("shows a run, its steps with their items counted, and its result", async () => {
    const { code, stdout } = await look("show", "many");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^status +completed$/m);
    expect(stdout).toMatch(/^labels +team=red\\x1b\[31m$/m);
    expect(stdout).toMatch(/^input +\{"n":150\}$/m);
    expect(stdout).toMatch(/^square +completed +\S+ +150\/150 items$/m);
    expect(stdout).not.toContain("square[0]");
    expect(stdout.trimEnd().split("\n").at(-1)).toBe("1113775");
    expect((await look("show", "many", "--items")).stdout).toMatch(/^square\[149\] +completed +1/m);
  });

  it("shows what failed with the place in the code, disarmed", async () => {
    const { code, stdout } = await look("show", "bad");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^attack +failed +1 +\S+ +E_TERMINAL: \\x1b\[2Jboom/m);
    expect(stdout).toMatch(/caused by E_TERMINAL: .*\n {4}at .*flows\.ts:\d+/);
    expect(stdout).not.toContain("\u001b");
    expect(stdout).not.toContain("\u202e");
  });

  it("says what a run waits for", async () => {
    const { stdout } = await look("show", "idle");
    expect(stdout).toMatch(
      /^waits\n {2}no process that is up has workflow patient, for \S+; ended by a process/m,
    );
    const json = JSON.parse((await look("show", "idle", "--json")).stdout) as { waits: unknown };
    expect(json.waits).toMatchObject([{ kind: "host", until: null }]);
  });

  it("writes the view and the result as one JSON document", async () => {
    const { stdout } = await look("show", "shaky", "--json");
    expect(JSON.parse(stdout)).toMatchObject({
      run: "shaky",
      status: "completed",
      steps: [{ step: "shake", status: "completed", attempt: 2 }],
      result: "steady",
    });
  });
});

describe.concurrent("millrace events", () => {
  it("prints one line per event", async () => {
    const { code, stdout } = await look("events", "shaky");
    expect(code).toBe(0);
    const lines = stdout.trimEnd().split("\n");
    expect(lines[0]).toMatch(/^ +1 +\+0ms {2}run\.created .* shaky null$/);
    expect(lines.filter((line) => line.includes("step.retrying"))).toHaveLength(1);
    expect(lines.at(-1)).toMatch(/run\.completed .* "steady"$/);
  });

  it("begins where it is told and ends with the history", async () => {
    const { stdout } = await look("events", "shaky", "--from", "3", "--json");
    const seqs = jsonLines(stdout).map(({ seq }) => seq);
    expect(seqs[0]).toBe(3);
    expect(seqs).toEqual(seqs.map((_, index) => index + 3));
    expect((await look("events", "shaky", "--from", "1000")).stdout).toBe("");
    expect(jsonLines((await look("events", "idle", "--json")).stdout)).toHaveLength(1);
  });

  it("prints those of many runs that the flags leave", async () => {
    const all = jsonLines((await look("events", "--all", "--json")).stdout);
    expect(new Set(all.map(({ run }) => run)).size).toBe(4);
    const of = async (...flags: string[]) =>
      jsonLines((await look("events", "--json", ...flags)).stdout);
    const red = await of(
      "--label",
      "team=red\u001b[31m",
      "--type",
      "step.completed",
      "--type",
      "run.completed",
    );
    expect(red).toEqual(
      all.filter(
        ({ run, type }) => run === "many" && /^(?:step|run).completed$/.test(String(type)),
      ),
    );
    const last = all.at(-1) as { position: number; run: string };
    expect(await of("--all", "--from", `position:${last.position}`)).toEqual([last]);
    expect(await of("--workflow", "shaky", "--step", "shake")).toEqual(
      all.filter(({ run, step }) => run === "shaky" && step === "shake"),
    );
    expect((await look("events", "--all", "--from", "now")).stdout).toBe("");
    const { stdout } = await look("events", "--all", "--type", "run.created");
    expect(stdout.trimEnd().split("\n")[0]).toMatch(
      /^\d{4}-\d\d-\d\d \S+ {2}many +1 {2}run\.created/,
    );
  });

  it("writes CloudEvents", async () => {
    const { stdout } = await look(
      "events",
      "idle",
      "--cloudevents",
      "--source",
      "urn:example:here",
    );
    expect(jsonLines(stdout)).toMatchObject([
      { specversion: "1.0", type: "millrace.run.created", source: "urn:example:here", run: "idle" },
    ]);
    const own = await look("events", "idle", "--cloudevents");
    expect(jsonLines(own.stdout)).toMatchObject([{ source: "/millrace/default" }]);
  });

  it.each([
    [["events"], "name a run, or give --all"],
    [["events", "many", "--all"], "not both"],
    [["events", "many", "--from", "yesterday"], "It must be start, now, a seq from 1"],
    [["events", "--all", "--from", "3"], "a seq is a place in one run"],
    [["events", "--all", "--type", "run.complete"], 'did you mean "run.completed"?'],
    [["events", "--all", "--label", "team"], "It must be NAME=VALUE"],
  ])("refuses %j", async (args, why) => {
    const { code, stderr } = await look(...args);
    expect(code).toBe(2);
    expect(stderr).toContain(why);
  });

  it("ends quietly when nobody reads on", async () => {
    const events = start(["events", "many", "--json", "--store", store]);
    events.child.stdout.destroy();
    const { code, stderr } = await events.done;
    expect([code, stderr]).toEqual([0, ""]);
  });
});

describe("millrace events --follow", () => {
  it("follows a run until it ends", async () => {
    await using elsewhere = await open({ store, workflows: [patient], worker: false });
    await elsewhere.start(patient, { who: "you" }, { id: "long" });
    const following = start(["events", "long", "--follow", "--json", "--store", store]);
    await following.says("run.created");
    const worker = start(["worker", FLOWS, "--store", store]);
    await worker.says("hosts");
    await following.says("run.parked");
    const sent = await look("signal", "long", "go", '{"now":true}');
    expect(sent).toMatchObject({ code: 0, stderr: "" });
    const { code, stdout } = await following.done;
    expect(code).toBe(0);
    expect(jsonLines(stdout).at(-1)).toMatchObject({
      type: "run.completed",
      output: { json: { first: "hello you", go: { now: true } } },
    });
    worker.child.kill("SIGTERM");
    expect((await worker.done).code).toBe(0);
  });
});

describe.concurrent("millrace describe and query", () => {
  it("tell of a run that nobody hosts", async () => {
    const { code, stdout } = await look("describe", "idle");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^status +\w+$/m);
    expect(stdout).toMatch(/^WAITS FOR/im);
    const json = JSON.parse((await look("describe", "idle", "--json")).stdout);
    expect(json).toMatchObject({ run: "idle", untaken: 0, explanation: { run: "idle" } });
  });

  it("answer what the workflow lets be asked, with its code", async () => {
    const asked = await look("query", "idle", "greeting", '{"a":1}', "--code", FLOWS, "--json");
    expect(asked.code).toBe(0);
    expect(JSON.parse(asked.stdout).slice(1)).toEqual([expect.any(String), { a: 1 }]);
    const unknown = await look("query", "idle", "greetings", "--code", FLOWS);
    expect(unknown.stderr).toMatch(/^E_OPTION_INVALID: .*did you mean/);
  });
});

describe.concurrent("millrace gantt", () => {
  it("draws when and where a run's attempts were made", async () => {
    const file = join(await scratchFolder(), "shaky.svg");
    const [printed, written, json, refused] = await Promise.all([
      look("gantt", "shaky"),
      look("gantt", "shaky", "--out", file),
      look("gantt", "shaky", "--json"),
      look("gantt", "shaky", "--out", join(file, "no-folder")),
    ]);
    expect([printed.code, written.code, json.code]).toEqual([0, 0, 0]);
    expect(written.stdout).toBe(`the chart of run shaky is in ${file}\n`);
    expect(readFileSync(file, "utf8")).toBe(printed.stdout);
    const { attempts } = JSON.parse(json.stdout) as Timeline;
    const told = ({ step, attempt, end }: { step: string; attempt: number; end: string }) =>
      `${step} ${attempt} ${end}`;
    expect(readChart(printed.stdout).bars.map(told)).toEqual(attempts.map(told));
    expect(attempts.some(({ end }) => end === "failed")).toBe(true);
    expect([refused.code, refused.stdout]).toEqual([2, ""]);
  });
});
