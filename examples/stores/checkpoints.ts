/**
 * The checkpoint store: an agent saves its state after every turn; after a restart it goes on from the
 * newest, and looks back to an earlier one. Prints: turn 3 of 3; before it: turn 2
 */
import { open } from "../../src/index.ts";

const millrace = await open({ store: "memory" });
const { checkpoints } = millrace.stores;

await checkpoints.createRun("agent-1", "support-agent", { customer: "Ada" });
for (let turn = 1; turn <= 3; turn++) {
  await checkpoints.saveCheckpoint("agent-1", "planner", Buffer.from(JSON.stringify({ turn })), {
    model: "small",
  });
}

const turnOf = (state: Uint8Array | undefined): number =>
  (JSON.parse(Buffer.from(state ?? []).toString()) as { turn: number }).turn;

const newest = await checkpoints.loadCheckpoint("agent-1", "planner");
const before = await checkpoints.loadCheckpointAtOrBefore(
  "agent-1",
  "planner",
  (newest?.seq ?? 0) - 1,
);
const all = await checkpoints.listCheckpoints("agent-1");
console.log(
  `turn ${turnOf(newest?.state)} of ${all.length}; before it: turn ${turnOf(before?.state)}`,
);
await millrace.close();
