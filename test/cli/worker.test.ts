/** `millrace worker`: hosts runs that others start, drains on the first signal, ends at the second. */
import { describe, expect, it } from "vitest";
import { type Millrace, open } from "../../src/index.ts";
import { FLOWS, jsonLines, millrace, scratchStore, start } from "./command.ts";
import { slow, squares } from "./fixtures/flows.ts";

/** A client without a worker of its own. */
const client = (store: string): Promise<Millrace> =>
  open({ store, workflows: [slow, squares], worker: false });

async function started(here: Millrace, run: string, step: string): Promise<void> {
  for await (const event of here.subscribe({ run })) {
    if (event.type === "step.started" && event.step === step) return;
  }
}

describe.concurrent("millrace worker", () => {
  it("hosts runs that another process starts", async () => {
    const store = await scratchStore();
    const worker = start(["worker", FLOWS, "--store", store]);
    await worker.says("hosts hostile, patient, queued, shaky, slow, squares, titled on sqlite:");
    await using here = await client(store);
    expect(await (await here.start(squares, { n: 4 })).result()).toBe(14);
    worker.child.kill("SIGINT");
    const { code, stdout } = await worker.done;
    expect(code).toBe(0);
    expect(stdout).toContain("SIGINT: draining (runs hosted: ");
    expect(stdout.trimEnd()).toMatch(/\nstopped; what has not ended waits for another worker$/);
  });

  it("says what it has, for all to see", async () => {
    const store = await scratchStore();
    const has = ["--resource", "cpu=4", "--resource", "memory=0.5", "--label", "zone=a"];
    const worker = start([
      "worker",
      FLOWS,
      "--store",
      store,
      "--node",
      "w",
      "--steps",
      "2",
      ...has,
    ]);
    await worker.says("worker w hosts");
    const [table, json, refused] = await Promise.all([
      millrace(["nodes", "--store", store]),
      millrace(["nodes", "--store", store, "--json"]),
      millrace(["worker", FLOWS, "--store", store, "--resource", "cpu"]),
    ]);
    expect(table.stdout).toMatch(
      /^NODE .*\nw +alive +steps 2\/2, cpu 4\/4, memory 0.5\/0.5 +zone=a /,
    );
    expect(jsonLines(json.stdout)).toMatchObject([[{ id: "w", resources: { steps: 2, cpu: 4 } }]]);
    expect(refused.code).toBe(2);
    const watching = start(["nodes", "--store", store, "--json", "--watch"]);
    await watching.says('"id":"w"');
    worker.child.kill("SIGTERM");
    await watching.says("[]");
    watching.child.kill("SIGINT");
    expect((await watching.done).code).toBe(0);
    expect((await worker.done).code).toBe(0);
  });

  it("lets the running step end when it is told to stop; another one goes on from there", async () => {
    const store = await scratchStore();
    await using here = await client(store);
    const first = start(["worker", FLOWS, "--store", store, "--json"]);
    await first.says('"ready"');
    const handle = await here.start(slow, { ms: 900 }, { id: "nap" });
    await started(here, "nap", "nap");
    first.child.kill("SIGTERM");
    const { code, stdout } = await first.done;
    expect(code).toBe(0);
    expect(jsonLines(stdout)).toMatchObject([
      { type: "ready", store, namespace: "default" },
      { type: "draining", signal: "SIGTERM", hosted: 1 },
      { type: "stopped" },
    ]);
    const view = await here.get("nap");
    expect(view.steps.map(({ step, status }) => [step, status])).toEqual([
      ["nap", "completed"],
      ["after", "pending"],
    ]);
    const second = start(["worker", FLOWS, "--store", store]);
    expect(await handle.result()).toBe("rested");
    expect((await here.get("nap")).steps.map(({ attempt }) => attempt)).toEqual([1, 1]);
    second.child.kill("SIGTERM");
    expect((await second.done).code).toBe(0);
  });

  it("ends at once at the second signal, and the step is tried again elsewhere", async () => {
    const store = await scratchStore();
    await using here = await client(store);
    const first = start(["worker", FLOWS, "--store", store]);
    await first.says("hosts");
    await here.start(slow, { ms: 60_000 }, { id: "long" });
    await started(here, "long", "nap");
    first.child.kill("SIGTERM");
    await first.says("draining");
    first.child.kill("SIGTERM");
    expect((await first.done).code).toBe(143);
    const second = start(["worker", FLOWS, "--store", store]);
    await second.says("hosts");
    for await (const event of here.subscribe({ run: "long" })) {
      if (event.type === "step.started" && event.attempt === 2) break;
    }
    second.child.kill("SIGKILL");
    await second.done;
  });
});
