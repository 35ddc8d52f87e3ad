/** The `ctx` of a code workflow: turns the user's calls into requests of a session. */
import { checkId } from "../kernel/ids.ts";
import type { Answer, Call, RequestedWait } from "./calls.ts";
import { stepBody } from "./declare.ts";
import {
  checkDuration,
  checkFunction,
  durationOption,
  type Read,
  readOptions,
  schemaOption,
} from "./options.ts";
import { POLICY_OPTIONS, readPolicy } from "./policy.ts";
import { validate } from "./schema.ts";
import { stepFailedError } from "./step-failure.ts";
import type { WorkflowContext } from "./workflow-context.ts";

/** What the context needs of its session. */
export interface ContextHost {
  /** @throws MillraceError `E_CTX_CLOSED` */
  assertOpen(): void;
  now(): number;
  request(call: Call): Promise<Answer>;
}

const CALL_OPTIONS = [...POLICY_OPTIONS, "output", "undo"] as const;
const WAIT_OPTIONS = ["schema", "timeout", "where"] as const;

/** A context whose calls go to `host`. */
export function sessionContext(
  facts: { readonly input: unknown; readonly runId: string },
  host: ContextHost,
): WorkflowContext {
  const stepId = numbered();
  const timerId = numbered();
  const waitId = numbered();
  const ctx = {
    ...facts,
    run(rawName: unknown, fn: unknown, options?: unknown) {
      host.assertOpen();
      const name = checkId("step name", rawName);
      const what = `step ${name}`;
      const read = readOptions(what, options, CALL_OPTIONS);
      const policy = readPolicy(what, read);
      const body = Object.freeze(stepBody(what, read, fn));
      const id = stepId(name);
      return host.request({ kind: "step", id, policy, body }).then(resultOf);
    },
    all(promises: object) {
      host.assertOpen();
      return Array.isArray(promises) ? Promise.all(promises) : allOf(promises);
    },
    sleep(rawName: unknown, duration: unknown) {
      host.assertOpen();
      const name = checkId("timer name", rawName);
      const ms = checkDuration(`timer ${name}`, duration);
      return host.request({ kind: "timer", id: timerId(name), ms }).then(() => undefined);
    },
    waitFor(rawName: unknown, options?: unknown) {
      host.assertOpen();
      const name = checkId("signal name", rawName);
      const what = `signal ${name}`;
      const read = readOptions(what, options, WAIT_OPTIONS);
      const schema = schemaOption(what, read, "schema");
      const call: Call = { kind: "wait", id: waitId(name), name, ...waitOptions(what, read) };
      return host.request(call).then((answer) => {
        if (answer.kind !== "wait") throw new Error(`a wait was answered by a ${answer.kind}`);
        if (answer.expired) return undefined;
        return validate(schema, `payload of ${what}`, answer.payload);
      });
    },
    now() {
      host.assertOpen();
      return host.now();
    },
  };
  return Object.freeze(ctx) as WorkflowContext;
}

/** Ids by name: `name`, `name#2`, `name#3` … (`#` is in no name). */
function numbered(): (name: string) => string {
  const uses = new Map<string, number>();
  return (name) => {
    const use = (uses.get(name) ?? 0) + 1;
    uses.set(name, use);
    return use === 1 ? name : `${name}#${use}`;
  };
}

function resultOf(answer: Answer): unknown {
  if (answer.kind !== "step") throw new Error(`a step was answered by a ${answer.kind}`);
  const { id, outcome } = answer;
  if (outcome.ok) return outcome.value;
  throw stepFailedError(id, outcome.failure, outcome.cancelled === true);
}

function waitOptions(what: string, read: Read): Omit<RequestedWait, "name"> {
  const timeoutMs = durationOption(what, read, "timeout");
  const where = read.get("where");
  return {
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(where === undefined ? {} : { where: checkFunction(`${what}: where`, where) }),
  };
}

async function allOf(promises: object): Promise<unknown> {
  const entries = Object.entries(promises).map(
    async ([key, promise]) => [key, await promise] as const,
  );
  return Object.fromEntries(await Promise.all(entries));
}
