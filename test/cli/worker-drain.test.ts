/** `millrace worker` that is told to end while it runs a step of a run that another process hosts. */
import { expect, it } from "vitest";
import { open } from "../../src/index.ts";
import { sharedNatsServer } from "../support/nats-server.ts";
import { freshNamespace } from "../support/nats-store.ts";
import { type Started, start } from "./command.ts";
import { rendering } from "./fixtures/gpu-flow.ts";

const FLOW = new URL("fixtures/gpu-flow.ts", import.meta.url).pathname;
const natsUrl = sharedNatsServer();

it("finishes the step, takes nothing new, and ends with 0; what comes next runs elsewhere", async () => {
  const namespace = freshNamespace();
  const worker = async (node: string, ...more: string[]): Promise<Started> => {
    const where = ["--store", natsUrl(), "--namespace", namespace, "--node", node];
    const started = start(["worker", FLOW, ...where, ...more]);
    await started.says(`worker ${node} hosts`);
    return started;
  };
  const options = { namespace, workflows: [rendering], worker: false } as const;
  await using client = await open({ store: natsUrl(), ...options });
  const host = await worker("host");
  const run = await client.start(rendering, null);
  // Nobody has a GPU yet, so the run waits at its host.
  for await (const _ of run.events({ types: ["run.claimed"] })) break;
  const gpu = await worker("gpu", "--resource", "gpu=1");
  for await (const event of run.events({ types: ["step.started"] })) {
    expect(event).toMatchObject({ step: "first", node: "gpu", grant: expect.any(String) });
    break;
  }
  // Its function is under way, not only granted.
  for await (const _ of run.events({ types: ["output.emitted"] })) break;
  gpu.child.kill("SIGTERM");
  const { code, stdout } = await gpu.done;
  expect(code).toBe(0);
  expect(stdout).toContain("SIGTERM: draining (runs hosted: 0)");
  const begun: string[] = [];
  for await (const event of run.events({ live: false })) {
    if (event.type === "step.started") begun.push(`${event.step} ${event.attempt}`);
  }
  expect(begun).toEqual(["first 1"]);
  const other = await worker("other", "--resource", "gpu=1");
  expect(await run.result()).toEqual(["gpu", "other"]);
  for (const one of [host, other]) one.child.kill("SIGTERM");
  expect([(await host.done).code, (await other.done).code]).toEqual([0, 0]);
});
