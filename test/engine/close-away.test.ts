/** A worker whose server is away can be stopped all the same. */
import { describe, expect, it } from "vitest";
import { startNatsServer } from "../../scripts/nats-server.ts";
import { open, workflow } from "../../src/index.ts";
import { silentLogger } from "../../src/kernel/logger.ts";

describe("close", () => {
  it("ends though the server does not answer", { timeout: 60_000 }, async () => {
    const server = await startNatsServer();
    try {
      const flow = workflow("flow", async (ctx) => ctx.waitFor("never"));
      const options = { workflows: [flow], stopGrace: 0, logger: silentLogger };
      const millrace = await open({ store: server.url, ...options });
      const run = await millrace.start(flow);
      for await (const event of run.events()) if (event.type === "wait.opened") break;
      await server.kill();
      await expect(millrace.close()).resolves.toBeUndefined();
    } finally {
      await server.stop();
    }
  });
});
