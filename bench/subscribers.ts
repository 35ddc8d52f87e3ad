/**
 * The process of many subscribers: `node subscribers.ts STORE RUN COUNT`. Says so once each has had the
 * run's first event, and ends when all have had its last.
 */
import { open } from "../src/index.ts";

const [store = "", run = "", count = "1"] = process.argv.slice(2);
const millrace = await open({ store, namespace: "following" });
let begun = 0;
const subscribers = Array.from({ length: Number(count) }, async () => {
  let seen = 0;
  for await (const _event of millrace.subscribe({ run })) {
    if (seen++ === 0 && ++begun === Number(count)) process.stdout.write("ready\n");
  }
  return seen;
});
const seen = new Set(await Promise.all(subscribers));
await millrace.close();
if (seen.size !== 1) throw new Error("the subscribers saw different numbers of events");
