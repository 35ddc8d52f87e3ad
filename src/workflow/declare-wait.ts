/** Steps of a graph that wait, as declared: everything that can be wrong with one alone is refused here. */
import type { PlanStep } from "../domain/plan.ts";
import type { Asked, PlanWait } from "../domain/plan-wait.ts";
import { checkId } from "../kernel/ids.ts";
import { anyInstantMs } from "../kernel/instant.ts";
import { APPROVAL_OPTIONS, readApprovers, readOnTimeout, readPrompt } from "./approval-options.ts";
import { chooser, type Declared, readNeeds } from "./declare.ts";
import type { WaitBody } from "./definition.ts";
import {
  checkDuration,
  checkFunction,
  durationOption,
  invalid,
  type Read,
  readOptions,
  schemaOption,
} from "./options.ts";
import { readPolicy } from "./policy.ts";

const SLEEP_OPTIONS = ["needs", "when", "for", "until"] as const;
const SIGNAL_OPTIONS = ["needs", "when", "signal", "schema", "timeout", "where"] as const;
const APPROVE_OPTIONS = ["needs", "when", ...APPROVAL_OPTIONS] as const;

/** @throws MillraceError `E_ID_INVALID`, `E_DEF_INVALID`, `E_DEF_DUPLICATE`, `E_OPTION_INVALID` */
export function declareSleep(rawName: unknown, rawOptions: unknown): Declared {
  const { name, what, read } = begin(rawName, rawOptions, SLEEP_OPTIONS);
  if (read.has("for") === read.has("until")) {
    throw invalid(`${what}: give either \`for\`, a duration, or \`until\`, a point in time`);
  }
  const asks = askedOf(read, ["for", "until"]);
  const ms = plain(read, "for", (raw) => checkDuration(`${what}: for`, raw));
  const until = plain(read, "until", (raw) => anyInstantMs(`${what}: until`, raw));
  const wait: PlanWait = {
    kind: "sleep",
    ...(ms === undefined ? {} : { ms }),
    ...(until === undefined ? {} : { until }),
    ...asks.plan,
  };
  return declared(name, what, read, wait, { asks: asks.code });
}

/** @throws MillraceError `E_ID_INVALID`, `E_DEF_INVALID`, `E_DEF_DUPLICATE`, `E_OPTION_INVALID` */
export function declareWaitFor(rawName: unknown, rawOptions: unknown): Declared {
  const { name, what, read } = begin(rawName, rawOptions, SIGNAL_OPTIONS);
  const signal = checkId(`${what}: signal`, read.get("signal") ?? name);
  const schema = schemaOption(what, read, "schema");
  const where = read.get("where");
  const timeoutMs = durationOption(what, read, "timeout");
  const wait: PlanWait = {
    kind: "signal",
    signal,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(where === undefined ? {} : { asks: Object.freeze(["where" as const]) }),
  };
  return declared(name, what, read, wait, {
    asks: {},
    ...(schema === undefined ? {} : { schema }),
    ...(where === undefined ? {} : { where: checkFunction(`${what}: where`, where) }),
  });
}

/** @throws MillraceError `E_ID_INVALID`, `E_DEF_INVALID`, `E_DEF_DUPLICATE`, `E_OPTION_INVALID` */
export function declareApproval(rawName: unknown, rawOptions: unknown): Declared {
  const { name, what, read } = begin(rawName, rawOptions, APPROVE_OPTIONS);
  const asks = askedOf(read, ["prompt", "approvers"]);
  if (!read.has("prompt")) readPrompt(what, undefined);
  const prompt = plain(read, "prompt", (raw) => readPrompt(what, raw));
  const approvers = plain(read, "approvers", (raw) => readApprovers(what, raw));
  const timeoutMs = durationOption(what, read, "timeout");
  const wait: PlanWait = {
    kind: "approval",
    onTimeout: readOnTimeout(what, read),
    ...(prompt === undefined ? {} : { prompt }),
    ...(approvers === undefined ? {} : { approvers }),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...asks.plan,
  };
  return declared(name, what, read, wait, { asks: asks.code });
}

function begin(
  rawName: unknown,
  rawOptions: unknown,
  known: readonly string[],
): { readonly name: string; readonly what: string; readonly read: Read } {
  const name = checkId("step name", rawName);
  const what = `step ${name}`;
  return { name, what, read: readOptions(what, rawOptions, known) };
}

/** An option that the plan holds: one that is no function. */
function plain<T>(read: Read, key: string, check: (raw: unknown) => T): T | undefined {
  const raw = read.get(key);
  return raw === undefined || typeof raw === "function" ? undefined : check(raw);
}

/** Options that are functions: their names go into the plan, they themselves are code. */
function askedOf(
  read: Read,
  keys: readonly Exclude<Asked, "where">[],
): { readonly plan: { readonly asks?: readonly Asked[] }; readonly code: WaitBody["asks"] } {
  const asked = keys.filter((key) => typeof read.get(key) === "function");
  const code = Object.fromEntries(asked.map((key) => [key, read.get(key)]));
  return { plan: asked.length === 0 ? {} : { asks: Object.freeze(asked) }, code };
}

function declared(
  name: string,
  what: string,
  read: Read,
  wait: PlanWait,
  body: WaitBody,
): Declared {
  const when = read.get("when");
  const step: PlanStep = {
    name,
    needs: readNeeds(what, read.get("needs")),
    ...(when === undefined ? {} : { conditional: true }),
    wait: Object.freeze(wait),
    policy: readPolicy(what, new Map()),
  };
  const choose = when === undefined ? {} : { when: chooser(what, when) };
  return { step: Object.freeze(step), body: Object.freeze({ ...body, ...choose }) };
}
