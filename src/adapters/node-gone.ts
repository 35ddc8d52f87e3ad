/** What every adapter answers when a value was on a node that is not there any more. */
import { MillraceError } from "../kernel/errors.ts";

/** @param what what the node did, as in "is gone" */
export const nodeGone = (node: string, what = "is gone"): MillraceError =>
  new MillraceError(
    "E_NODE_GONE",
    `node ${node} ${what}, and only it had the value; compute it again`,
    { details: { node } },
  );
