/**
 * Follows all runs with a label through a restart of the reader: a named subscription remembers which
 * events were dealt with. Prints: a: 2; b: 4; c: 6
 */
import { graph, open } from "../src/index.ts";

const double = graph<number>("double")
  .step("compute", (_ctx, n) => n * 2)
  .build();

const millrace = await open({
  store: process.env["MILLRACE_STORE"] ?? "memory",
  workflows: [double],
});
const wanted = { labels: { team: "red" }, types: ["run.completed"] } as const;
const seen: string[] = [];

for (const [nth, id] of ["a", "b", "c"].entries()) {
  await millrace.start(double, nth + 1, { id, labels: { team: "red" } });
  await millrace.start(double, 0, { labels: { team: "blue" } });
  const reader = millrace.subscription("printer", wanted); // a new one, as after a restart
  for await (const event of reader) {
    seen.push(`${event.run}: ${"json" in event.output ? event.output.json : "large"}`);
    await reader.ack(event);
    break;
  }
}
console.log(seen.join("; "));
await millrace.close();
