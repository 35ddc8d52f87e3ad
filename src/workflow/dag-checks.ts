/** What must hold of a DAG as a whole, before anything of it runs. */
import { collocationGroups } from "../cluster/collocation.ts";
import type { DagFunction } from "./dag-function.ts";
import { checkAcyclic, checkDistinct, checkKnown } from "./graph-checks.ts";
import { invalid } from "./options.ts";

/** What an inline function cannot have: it is a part of whatever takes it. */
const OF_REGULAR_ONLY = ["node", "collocated", "cost", "maxRetries", "durability"] as const;

/**
 * @param what whose functions they are, for messages: "dag etl"
 * @throws MillraceError `E_DEF_DUPLICATE`, `E_DEF_INVALID`, `E_DEF_UNKNOWN_STEP`, `E_DEF_CYCLE`
 */
export function checkDag(what: string, functions: readonly DagFunction[]): void {
  const needing = functions.map(({ id, args, collocated }) => ({
    name: id,
    needs: [...new Set(args.map((arg) => arg.id))],
    near: collocated === undefined ? [] : [collocated],
  }));
  checkDistinct(what, "function", needing);
  for (const one of functions) if (one.inline) checkInline(what, one);
  checkKnown(
    what,
    "function",
    needing.map(({ name, needs, near }) => ({ name, needs: [...needs, ...near] })),
  );
  checkAcyclic(what, "function", needing);
  checkPlaces(what, functions);
}

function checkInline(what: string, { id, ...more }: DagFunction): void {
  const given = OF_REGULAR_ONLY.find((key) => more[key] !== undefined);
  const [ofStage] = Object.keys(more.stage);
  if (given === undefined && ofStage === undefined) return;
  const option = given === "collocated" ? "node" : (given ?? ofStage);
  throw invalid(
    `${what}: inline function ${id} has a ${option}; it is evaluated by whatever takes it, so give that the ${option}`,
    { function: id, option },
  );
}

function checkPlaces(what: string, functions: readonly DagFunction[]): void {
  const inline = new Set(functions.filter((one) => one.inline).map(({ id }) => id));
  for (const { id, collocated } of functions) {
    if (collocated === undefined || !inline.has(collocated)) continue;
    throw invalid(`${what}: function ${id} is to run with ${collocated}, which is inline`, {
      function: id,
    });
  }
  collocationGroups(
    what,
    functions.map(({ id, collocated, node }) => ({
      name: id,
      ...(collocated === undefined ? {} : { with: collocated }),
      ...(node === undefined ? {} : { pin: node }),
    })),
  );
}
