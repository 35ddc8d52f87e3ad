/** `millrace rebuild`, as a process. */
import { expect, it } from "vitest";
import { Projector, viewKey } from "../../src/engine/reading/projector.ts";
import { open } from "../../src/index.ts";
import { outputIndex } from "../../src/projections/output-index.ts";
import { millrace, scratchStore } from "../cli/command.ts";
import { storeNode } from "../stores/outputs-kit.ts";
import { engineOf } from "../stores/places.ts";

it("rebuilds, verifies, and says with its exit code whether something was not true", async () => {
  const store = await scratchStore();
  const key = viewKey(outputIndex);
  {
    await using here = await open({ store });
    const engine = engineOf(here.store, here.node);
    const { outputs } = storeNode(engine);
    for (const stage of ["one", "two"]) {
      await outputs.append("t1", 1, "a", { type: "progress", stage });
    }
    const projector = new Projector(engine, outputIndex);
    await projector.current();
    await projector.save(true);
    const view = await here.store.views.load(key);
    const forged = Buffer.from(view?.bytes ?? "")
      .toString()
      .replace("progress", "partial");
    const position = view?.position ?? 0;
    await here.store.views.save(key, { position, bytes: Buffer.from(forged) });
  }
  const rebuild = (...flags: string[]) => millrace(["rebuild", "--store", store, ...flags]);
  const found = await rebuild("--verify", "--json");
  expect(found.code).toBe(1);
  expect(JSON.parse(found.stdout)).toMatchObject({
    events: 5,
    frames: 2,
    position: 2,
    head: 2,
    views: expect.arrayContaining([
      expect.objectContaining({ name: "output-index", saved: "different" }),
      expect.objectContaining({ name: "run-summary", saved: "none" }),
    ]),
  });
  const again = await rebuild("--verify");
  expect(again.code).toBe(0);
  expect(again.stdout).toMatch(/output-index +2 +\d+ +was true/);
  expect(again.stderr).toMatch(/^5 events in 2 frames, /);
  const plain = await rebuild();
  expect([plain.code, plain.stdout]).toEqual([0, expect.stringMatching(/run-summary .* replaced/)]);
  const missing = await rebuild("--store", "sqlite:/nowhere/at/all.db");
  expect(missing.code).toBe(3);
});
