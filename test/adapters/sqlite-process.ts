/** The other process of the tests: opens the store and does one task until it is killed. */
import type { Store } from "../../src/ports/store.ts";
import { encode, frame, openStore } from "./sqlite-kit.ts";

const WRITERS = 8;

/** Eight runs at once, one frame after the other; the parent is told of each acknowledged one. */
async function appendForEver({ log }: Store, node: string): Promise<void> {
  const write = async (run: string): Promise<void> => {
    for (let [nth, head] = [1, 0]; ; nth += 1) {
      const outcome = await log.append(frame(run, head, `${run} ${nth}`));
      if (!outcome.ok) throw new Error(`nobody else writes to ${run}`);
      head = outcome.position;
      process.send?.({ run, nth, position: head });
    }
  };
  await Promise.all(Array.from({ length: WRITERS }, (_, nth) => write(`${node}-${nth}`)));
}

/** Appends to the run "raced" whatever position the parent says it should expect. */
async function appendWhenTold({ log }: Store, node: string): Promise<void> {
  process.on("message", ({ expected }: { expected: number }) => {
    void log
      .append(frame("raced", expected, `${node} after ${expected}`))
      .then((outcome) => process.send?.(outcome));
  });
  process.send?.("ready");
}

/** Claims a ticket, and says which. */
async function claim({ queue }: Store): Promise<void> {
  const { signal } = new AbortController();
  const [claimed] = await queue.claim({ workflows: ["flow"], max: 1, signal });
  process.send?.(claimed?.ticket.run);
  setInterval(() => undefined, 60_000);
}

/** Puts one blob of many pieces after the other, and says so before each. */
async function putBlobs({ blobs }: Store): Promise<void> {
  for (let nth = 0; ; nth += 1) {
    process.send?.(nth);
    await blobs.put(encode(`${nth} `.repeat(4 * 1024 * 1024)));
  }
}

const tasks = { appendForEver, appendWhenTold, claim, putBlobs };

const [task = "", path = "", node = ""] = process.argv.slice(2);
const store = await openStore(path, { node });
await tasks[task as keyof typeof tasks](store, node);
