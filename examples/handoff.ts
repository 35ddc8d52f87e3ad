/**
 * Handoff's DAGs: functions that take each other's results, with what they cost and where they run. One is
 * inline (evaluated by whoever takes it), one argument is cut down before it travels, one function fails
 * once and is tried again.
 *
 *   MILLRACE_STORE=nats://localhost:4222 npx node examples/handoff.ts
 *
 * Prints: {"readings":[3,5,7],"serialize-readings-mean":[5,7],"deserialize-readings-mean":[5,7],"mean":6,"alarm":"6 > 5"}
 */
import { dag, open } from "../src/index.ts";

let sensorTries = 0;

const station = dag("station")
  .add({ id: "limit", code: () => 5, type: "inline" })
  .add({
    id: "readings",
    code: () => {
      if (++sensorTries === 1) throw new Error("the sensor was asleep");
      return [3, 5, 7];
    },
    cost: { cpu: 1 },
  })
  .add({
    id: "mean",
    args: [{ id: "readings", serialize: (all: number[]) => all.slice(1) }],
    code: (all: number[]) => all.reduce((sum, one) => sum + one, 0) / all.length,
    cost: { cpu: 1 },
  })
  .add({
    id: "alarm",
    args: ["mean", "limit"],
    code: (mean: number, limit: number, sign: string) => `${mean} ${sign} ${limit}`,
    extraArgs: [">"],
    node: { collocated: "mean" },
  });

const store = process.env["MILLRACE_STORE"] ?? "memory";
await using millrace = await open({ store, resources: { cpu: 2 } });
const { results } = await millrace.execute(station, { maxRetries: 2, strategy: "load-balanced" });
console.log(JSON.stringify(results));
