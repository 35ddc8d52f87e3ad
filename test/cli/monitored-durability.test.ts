/** What doctor learns from a real server's monitoring port. */
import { createServer } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type NatsServer, startNatsServer } from "../../scripts/nats-server.ts";
import { monitoredDurability } from "../../src/cli/monitored-durability.ts";
import { systemClock } from "../../src/kernel/clock.ts";

const clock = systemClock();

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const probe = createServer().once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => resolve(port));
    });
  });

describe("the monitoring port of a nats-server", () => {
  let server: NatsServer;
  let port = 0;

  beforeAll(async () => {
    port = await freePort();
    const config = `http: "127.0.0.1:${port}"`;
    server = await startNatsServer({ syncInterval: "250ms", config });
  });

  afterAll(() => server?.stop());

  it("tells how often the store is forced to disk", async () => {
    const { sync, storeDirectory } = await monitoredDurability(`http://127.0.0.1:${port}`, clock);
    expect(sync).toBe(250);
    expect(storeDirectory).toContain(server.folder);
  });

  it("is refused when it is no address, or nothing answers there", async () => {
    for (const address of ["", "8222", "file:///etc/passwd"]) {
      await expect(monitoredDurability(address, clock)).rejects.toMatchObject({
        code: "E_OPTION_INVALID",
      });
    }
    const nobody = `http://127.0.0.1:${await freePort()}`;
    await expect(monitoredDurability(nobody, clock)).rejects.toMatchObject({
      code: "E_STORE_UNAVAILABLE",
    });
  });
});
