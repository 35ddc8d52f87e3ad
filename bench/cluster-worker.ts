/**
 * A worker of `cluster.ts`, told to end by SIGTERM. Arguments: store, namespace, node,
 * slots, scale, and WfFormat files.
 */
import { readFileSync } from "node:fs";
import { open } from "../src/index.ts";
import { readInstance } from "../src/wfformat/instance.ts";
import { replayOf } from "../src/wfformat/replay.ts";
import { chain, napping } from "./workflows.ts";

const [store = "", namespace = "", node = "", slots = "", scale = "", ...files] =
  process.argv.slice(2);
const replays = files.map(
  (file) => replayOf(readInstance(readFileSync(file, "utf8")), { scale: Number(scale) }).workflow,
);
const millrace = await open({
  store,
  namespace,
  node,
  workflows: [napping, chain, ...replays],
  // As many runs as slots: what a worker cannot run is another's to host.
  worker: { steps: Number(slots), runs: Number(slots) },
});
process.once("SIGTERM", () => {
  void millrace.close().then(() => process.exit(0));
});
