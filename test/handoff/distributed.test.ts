// Handoff's acceptance tests that need nodes, by number: real processes over a real nats-server.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Millrace } from "../../src/index.ts";
import { until } from "../engine/kit/scene.ts";
import { sharedNatsServer } from "../support/nats-server.ts";
import { failing, held, relay } from "./fixtures/fleet-dags.ts";
import { claims, Fleet, misfits, nothingTaken, refused } from "./kit/fleet.ts";

describe("Handoff over several processes", () => {
  const url = sharedNatsServer();
  let fleet: Fleet;
  let client: Millrace;
  // One fleet for all; each test leaves it as it found it.
  beforeAll(async () => {
    fleet = new Fleet(url());
    await Promise.all([
      fleet.node("n1", { cpu: 2, memory: 1_000 }),
      fleet.node("n2", { cpu: 2, memory: 1_000 }),
      fleet.node("n3", { memory: 2_000 }),
    ]);
    client = await fleet.open({ worker: false });
  });
  afterAll(() => fleet.close());

  it("Handoff 1, 2, 3, 20: values are made, converted and used where they should be", async () => {
    const { results, allocations } = await client.executeDistributed(relay);
    const sent = { data: "kept", source: "n1", target: "n2" };
    expect(results["taker"]).toEqual({ taken: { sent, source: "n1", target: "n2" }, at: "n2" });
    expect(results["all"]).toEqual(["n3", "n2", 3]);
    expect(allocations).toMatchObject({
      pair: "n1",
      "serialize-pair-taker": "n1",
      "deserialize-pair-taker": "n2",
      taker: "n2",
      beside: "n2",
      big: "n3",
    });
    await nothingTaken(client);
  });

  it("Handoff 13, 14: what fits nowhere fails before anything runs, and says what is missing", async () => {
    const [tooMuch, tooLong] = await misfits((dag) => client.executeDistributed(dag));
    expect(tooMuch?.message).toMatch(/step pinned .*lacks memory 1050/);
    expect(tooLong?.message).toMatch(/step root needs .*cpu 5.*lacks cpu 3/);
    expect(await claims(client)).toEqual({});
  });

  it("Handoff 15: four at once on two nodes of 2 are split 2/2; the fifth waits, and says for what", async () => {
    const strategy = "load-balanced";
    const ids = ["r1", "r2", "r3", "r4"];
    const four = ids.map((id) => client.executeDistributed(held, { id, strategy }));
    const all = { "n1 cpu": 2, "n1 steps": 2, "n2 cpu": 2, "n2 steps": 2 };
    await until("all are taken", async () => {
      const taken = await claims(client);
      return taken["n1 cpu"] === 2 && taken["n2 cpu"] === 2;
    });
    expect(await claims(client)).toEqual(all);
    const fifth = client.executeDistributed(held, { id: "r5", strategy });
    await until("it waits for a place", async () => {
      const runs = await client.list();
      if (!runs.some(({ run }) => run === "r5")) return false;
      return (await client.explain("r5")).waits.some(({ kind }) => kind === "placement");
    });
    const [wait] = (await client.explain("r5")).waits;
    expect(wait).toMatchObject({
      kind: "placement",
      step: "work",
      what: "step work waits for a place: steps 1, cpu 1 is not free on nodes n1, n2",
      by: "whoever gives back what is missing, or another node with steps 1, cpu 1 free",
      next: "attempt 1 of step work",
      nodes: [
        { node: "n1", why: "it lacks cpu 1: others have taken that", lacks: { cpu: 1 } },
        { node: "n2", why: "it lacks cpu 1: others have taken that", lacks: { cpu: 1 } },
        { node: "n3", why: "with nothing on it, it would lack cpu 1", lacks: { cpu: 1 } },
      ],
    });
    expect(wait?.since).toBe((await client.get("r5")).steps[0]?.scheduledAt);
    expect(await claims(client)).toEqual(all);
    for (const id of [...ids, "r5"]) fleet.openGate(id);
    const where = (await Promise.all(four)).map(({ results }) => results["work"]);
    expect(where.sort()).toEqual(["n1", "n1", "n2", "n2"]);
    expect((await fifth).results["work"]).toMatch(/^n[12]$/);
    await nothingTaken(client);
  });

  it("Handoff 16: after failures nothing is taken", async () => {
    const runs = Array.from({ length: 6 }, () => refused(client.executeDistributed(failing)));
    for (const error of await Promise.all(runs)) {
      expect(error).toMatchObject({ message: "function bad failed after 3 attempts: no" });
    }
    await nothingTaken(client);
  });

  it("Handoff 16: what a node that died had taken is free again, and its work is done elsewhere", async () => {
    const running = client.executeDistributed(held, { id: "dies" });
    const runner = async (): Promise<string | undefined> => {
      const taken = Object.keys(await claims(client)).find((name) => name.endsWith(" cpu"));
      return taken?.slice(0, 2);
    };
    await until("a node runs it", runner);
    const first = (await runner()) ?? "";
    await fleet.kill(first);
    const second = first === "n1" ? "n2" : "n1";
    await until("the other runs it", async () => (await runner()) === second);
    fleet.openGate("dies");
    expect((await running).results).toEqual({ work: second });
    await nothingTaken(client);
  });
});
