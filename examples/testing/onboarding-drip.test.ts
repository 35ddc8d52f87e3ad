// Days of waiting under test: who is told what, whatever comes early, late, twice, or for somebody else.
import { describe, expect, it } from "vitest";
import { checkWorkflow, type Outside, testRuntime } from "../../src/testing.ts";
import { onboardingBy } from "../onboarding-drip.ts";

const onboarding = ({ effects }: Outside) =>
  onboardingBy((key, user, what) => effects.apply(`${what} to ${user}`, { key }));

const ada = { id: "ada", patience: "3d" };
const COMPLETED = "onboarding-completed";

/** Mails that were sent, in order. */
const mails = ({ outside }: { readonly outside: Outside }): string[] =>
  outside.effects.applied.map(({ name }) => name);

const simulated = () => testRuntime({ workflows: (outside) => [onboarding(outside)] });

describe("onboarding", () => {
  it("sends a second mail after three days, not a moment earlier", async () => {
    await using sim = await simulated();
    const run = await sim.start(onboarding(sim.outside), ada);
    const began = sim.now();
    await sim.advanceTo(began + 3 * 86_400_000 - 1);
    expect(mails(sim)).toEqual(["welcome to ada"]);
    expect(await run.result()).toBe("reminded");
    expect(sim.now()).toBe(began + 3 * 86_400_000);
    expect(mails(sim)).toEqual(["welcome to ada", "follow-up to ada"]);
  });

  it("counts what came before anybody waited for it, also before the run", async () => {
    await using sim = await simulated();
    await sim.client.signal("early", COMPLETED, { user: "ada" });
    const run = await sim.start(onboarding(sim.outside), ada, { id: "early" });
    expect(await run.result()).toBe("finished");
    expect(mails(sim)).toEqual(["welcome to ada"]);
  });

  it("never takes another user's event", async () => {
    await using sim = await simulated();
    const run = await sim.start(onboarding(sim.outside), ada);
    for (const user of ["bob", "ADA", ""]) await run.signal(COMPLETED, { user });
    await sim.advance("2d");
    const { waits, kept } = await run.explain();
    expect(waits).toMatchObject([{ kind: "signal" }]);
    expect(kept).toHaveLength(3);
    expect(await run.result()).toBe("reminded");
  });

  it("sends nothing more to who unsubscribes", async () => {
    await using sim = await simulated();
    const run = await sim.start(onboarding(sim.outside), ada);
    await sim.advance("1d");
    await run.cancel({ by: "ada", reason: "unsubscribed" });
    await sim.advance("1w");
    expect((await run.state()).status).toBe("cancelled");
    expect(mails(sim)).toEqual(["welcome to ada"]);
  });

  it("comes to the same after a crash at every commit, with each mail sent once", async () => {
    const report = await checkWorkflow(onboarding, {
      inputs: [ada, { id: "bob", patience: "1d" }],
      runs: 6,
      signals: ({ id }) =>
        id === "ada" ? [{ name: COMPLETED, payload: { user: "ada" }, after: "2d" }] : [],
    });
    expect(report.outcomes.completed).toBe(report.lives);
  });
});
