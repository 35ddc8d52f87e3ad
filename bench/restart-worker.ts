/** A worker process of the restart benchmark. Argument: the store's address. */
import { open } from "../src/index.ts";
import { restart } from "./workflows.ts";

await open({ store: process.argv[2] ?? "", workflows: [restart] });
