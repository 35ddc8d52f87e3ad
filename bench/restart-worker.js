/**
 * A worker process of the restart benchmark, as users run it: from the built package, which
 * `npm run bench` builds first. Argument: the store's address.
 */
import { open, workflow } from "../dist/src/index.js";
import { restartWorkflow } from "./restart-workflow.ts";

await open({ store: process.argv[2], workflows: [restartWorkflow(workflow)] });
