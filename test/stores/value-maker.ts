/** A process of its own that keeps two values and says so; the test ends it. */
import { openStore } from "../../src/runtime/open-store.ts";
import { storeNode } from "./outputs-kit.ts";
import { engineOf, systemWorld } from "./places.ts";

const [address = "", namespace = ""] = process.argv.slice(2);
const store = await openStore(address, { namespace, node: "maker", world: systemWorld });
const { results } = storeNode(engineOf(store, "maker"));
await results.store("r1", "fetched", "x".repeat(600_000), { durability: "node" });
await results.store("r1", "not-fetched", "y".repeat(600_000), { durability: "node" });
process.stdout.write("kept\n");
// A sqlite store alone does not keep a process alive.
setInterval(() => undefined, 60_000);
