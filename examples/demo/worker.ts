/** A worker process of the demo: hosts runs until it is stopped, or killed. Arguments: store, node id. */
import { open } from "../../src/index.ts";
import { pipeline } from "./pipeline.ts";

const [store = "", node = ""] = process.argv.slice(2);
const millrace = await open({ store, node, workflows: [pipeline] });
process.once("SIGTERM", () => {
  millrace.close().then(
    () => process.exit(0),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
