/**
 * Codecs: nothing of what users hand over lies readable in any port of a store, and everything works as
 * without them.
 */
import { createCipheriv, createDecipheriv } from "node:crypto";
import { expect, it } from "vitest";
import { type FrameCodec, type Millrace, open, workflow } from "../../src/index.ts";
import { silentLogger } from "../../src/kernel/logger.ts";
import type { Store } from "../../src/ports/store.ts";
import { outputIndex } from "../../src/projections/output-index.ts";
import { ALL_STORES, onStores, refusal, until } from "./kit/scene.ts";

/** Encrypts under a fixed nonce: enough to see that nothing is readable. */
const ctr = (id: string): FrameCodec => {
  const key = Buffer.alloc(32, id);
  const nonce = Buffer.alloc(16);
  const code = (make: typeof createCipheriv | typeof createDecipheriv) => (body: Uint8Array) =>
    make("aes-256-ctr", key, nonce).update(body);
  return { id, encode: code(createCipheriv), decode: code(createDecipheriv) };
};

const SECRET = "attack at dawn";
const plan = workflow("plan", async (ctx, words: string) => {
  const large = await ctx.run("repeat", async (step) => {
    await step.emit("draft", words);
    return words.repeat(10_000);
  });
  return [large.length, await ctx.waitFor("go")];
});

/** Everything that lies in the store, as text. */
async function everything(store: Store, run: string): Promise<string> {
  const found: Uint8Array[] = [];
  for await (const { bytes } of store.log.read({})) found.push(bytes);
  for (const { bytes } of await store.inbox.read(run, 0)) found.push(bytes);
  for (const view of [outputIndex, { name: "run-summary", version: 0 }]) {
    for (let version = 0; version < 20; version++) {
      const saved = await store.views.load(`${view.name}.${version}`);
      if (saved !== undefined) found.push(saved.bytes);
    }
  }
  return found.map((bytes) => Buffer.from(bytes).toString("latin1")).join("\n");
}

onStores(
  "an encrypted millrace",
  (scene) => {
    const opened: Millrace[] = [];
    const host = async (ids: readonly [string, ...string[]], worker = true): Promise<Millrace> => {
      const [first, ...others] = ids;
      const codecs = [ctr(first), ...others.map(ctr)];
      const workflows = worker ? { workflows: [plan] } : {};
      const store = await scene().store();
      const one = await open({ store, codecs, logger: silentLogger, parkAfter: 1, ...workflows });
      opened.push(one);
      return one;
    };

    it("keeps nothing readable, and changes its key on the way", async () => {
      const one = await host(["k1"]);
      const run = await one.start(plan, SECRET, { id: "r1" });
      await until("it is parked", async () => (await run.get()).status === "parked");
      await one.close();
      const quiet = await host(["k1"], false);
      await quiet.signal("r1", "go", SECRET, { id: "s" });
      await quiet.close();
      const raw = await scene().store();
      expect(await everything(raw, "r1")).not.toContain("attack");
      const [value] = (await (await host(["k2", "k1"], false)).get("r1")).steps;
      const blob = value?.output && "blob" in value.output ? value.output.blob : "";
      expect(Buffer.from((await raw.blobs.get(blob)) ?? []).toString("latin1")).not.toContain(
        "attack",
      );
      const two = await host(["k2", "k1"]);
      expect(await two.result("r1")).toEqual([140_000, SECRET]);
      const keyless = await host(["k2"], false);
      expect(await refusal(keyless.get("r1"))).toMatchObject({ code: "E_FRAME_INVALID" });
      scene().spoil("r1");
      await Promise.all(opened.splice(0).map((each) => each.close()));
    });
  },
  ALL_STORES,
);
