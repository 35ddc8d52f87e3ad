/** A process of its own that claims a ticket and holds it until it is killed. */
import { openNats } from "../support/nats-store.ts";

const [url = "", namespace = "", node = ""] = process.argv.slice(2);
const store = await openNats(url, { namespace, node });
const { signal } = new AbortController();
const [claim] = await store.queue.claim({ workflows: ["flow"], max: 1, signal });
process.send?.(claim?.token);
