/** Values that live on a node, when that node is another process and is killed. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, expect, it } from "vitest";
import { openStore } from "../../src/runtime/open-store.ts";
import { sharedNatsServer } from "../support/nats-server.ts";
import { freshNamespace } from "../support/nats-store.ts";
import { type StoreNode, storeNode } from "./outputs-kit.ts";
import { engineOf, systemWorld } from "./places.ts";

const MAKER = fileURLToPath(new URL("fixtures/value-maker.ts", import.meta.url));
const url = sharedNatsServer();
const undo: (() => unknown)[] = [];

afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

async function maker(address: string, namespace: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, [MAKER, address, namespace], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  undo.push(() => child.kill("SIGKILL"));
  await once(child.stdout, "data");
  return child;
}

async function asker(address: string, namespace: string, node: string): Promise<StoreNode> {
  const store = await openStore(address, { namespace, node, world: systemWorld });
  undo.push(() => store.close());
  return storeNode(engineOf(store, node));
}

async function killed(child: ChildProcess): Promise<void> {
  const gone = once(child, "exit");
  child.kill("SIGKILL");
  await gone;
}

const addresses: readonly (readonly [string, () => Promise<string>])[] = [
  [
    "sqlite",
    async () => {
      const folder = await mkdtemp(join(tmpdir(), "millrace-gone-"));
      undo.push(() => rm(folder, { recursive: true }));
      return `sqlite:${join(folder, "store.db")}`;
    },
  ],
  ["nats", async () => url()],
];

it.each(addresses)("a killed node takes its values along: %s", async (name, addressOf) => {
  const address = await addressOf();
  const namespace = freshNamespace();
  const { results, locations } = await asker(address, namespace, "asker");
  const child = await maker(address, namespace);
  expect(await results.getWithFetch("r1", "fetched")).toBe("x".repeat(600_000));
  await killed(child);
  expect(await results.get("r1", "fetched")).toBe("x".repeat(600_000));
  await expect(results.getWithFetch("r1", "not-fetched")).rejects.toMatchObject({
    code: "E_NODE_GONE",
  });
  const recompute = (): string => "y again";
  expect(await results.getWithFetch("r1", "not-fetched", { recompute })).toBe("y again");
  expect(await locations.lookupLocation("r1", "not-fetched")).toBe("asker");
  const other = await asker(address, namespace, "other");
  expect(await other.results.getWithFetch("r1", "not-fetched")).toBe("y again");
  if (name === "sqlite") {
    // Whoever makes a folder beside it takes away what the dead process left.
    const folder = `${address.slice("sqlite:".length)}-values`;
    expect(existsSync(folder)).toBe(true);
    const owners = readdirSync(folder).map((entry) => entry.split(".")[1]);
    expect(owners.sort()).toEqual(["asker", "other"]);
  }
});
