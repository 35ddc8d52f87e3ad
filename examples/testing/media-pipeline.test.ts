// Steps of different appetites on machines of different sizes: each runs where what it needs is, and whatever
// was taken is given back.
import { expect, it } from "vitest";
import { checkWorkflow, type Outside } from "../../src/testing.ts";
import { ALL_STORES, onStores, until } from "../../test/engine/kit/scene.ts";
import { mediaAt } from "../media-pipeline.ts";

const media = mediaAt(3);

onStores(
  "the media pipeline",
  (scene) => {
    it("runs each step where what it needs is, and gives back what it took", async () => {
      const workflows = [media];
      const labels = { storage: "fast" };
      const resources = { cpu: 5, memory: 2_500 };
      const render = await scene().open({ workflows, node: "render", resources, labels });
      await scene().open({ workflows, node: "speech", resources: { cpu: 2, gpu: 1 } });
      const videos = ["a", "b", "c", "d"];
      const runs = await Promise.all(videos.map((video) => render.start(media, { video })));
      const results = await Promise.all(runs.map((run) => run.result()));
      expect(results).toEqual(videos.map((video) => `uploaded ${video}: 720p, 3 words`));
      for (const run of runs) {
        const { steps } = await run.get();
        const nodeOf = (name: string) => steps.find(({ step }) => step === name)?.node;
        expect(["fetch", "compress", "transcribe"].map(nodeOf)).toEqual([
          "render",
          "render",
          "speech",
        ]);
      }
      await until("all is given back", async () =>
        (await render.nodes()).every(
          ({ free, resources: all }) => JSON.stringify(free) === JSON.stringify(all),
        ),
      );
    });
  },
  ALL_STORES,
);

it("comes to the same after a crash at every commit, and publishes once", async () => {
  const published = ({ effects }: Outside) =>
    mediaAt(0, (key, detail) => effects.apply("publish", { key, detail }));
  const report = await checkWorkflow(published, {
    inputs: [{ video: "a" }],
    runs: 2,
    resources: { cpu: 8, memory: 4_096, gpu: 1 },
    labels: { storage: "fast" },
  });
  expect(report.outcomes.completed).toBe(report.lives);
  expect(report.crashes).toBeGreaterThan(20);
});
