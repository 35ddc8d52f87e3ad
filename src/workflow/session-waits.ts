/** The calls of a code workflow's `ctx` that wait: for a time, for a signal, for a person. */
import { MillraceError } from "../kernel/errors.ts";
import { checkId } from "../kernel/ids.ts";
import { anyInstantMs } from "../kernel/instant.ts";
import { APPROVAL_OPTIONS, readApprovers, readOnTimeout, readPrompt } from "./approval-options.ts";
import type { Answer, ContextHost, RequestedApproval, RequestedWait } from "./calls.ts";
import { numbered } from "./numbered.ts";
import {
  checkDuration,
  checkFunction,
  durationOption,
  type Read,
  readOptions,
  schemaOption,
} from "./options.ts";
import { validate } from "./schema.ts";

const WAIT_OPTIONS = ["schema", "timeout", "where"] as const;

type WaitingCall = (name: unknown, option?: unknown) => Promise<unknown>;

/** The calls by name; what is waited for is numbered by its name as long as the session lives. */
export function waitingCalls(
  host: ContextHost,
): Readonly<Record<"sleep" | "sleepUntil" | "waitFor" | "approve", WaitingCall>> {
  const timerId = numbered();
  const waitId = numbered();
  const slept = (): undefined => undefined;
  return {
    sleep(rawName: unknown, duration: unknown) {
      host.assertOpen();
      const name = checkId("timer name", rawName);
      const ms = checkDuration(`timer ${name}`, duration);
      return host.request({ kind: "timer", id: timerId(name), ms }).then(slept);
    },
    sleepUntil(rawName: unknown, instant: unknown) {
      host.assertOpen();
      const name = checkId("timer name", rawName);
      const due = anyInstantMs(`timer ${name}`, instant);
      return host.request({ kind: "timer", id: timerId(name), due }).then(slept);
    },
    waitFor(rawName: unknown, options?: unknown) {
      host.assertOpen();
      const name = checkId("signal name", rawName);
      const what = `signal ${name}`;
      const read = readOptions(what, options, WAIT_OPTIONS);
      const schema = schemaOption(what, read, "schema");
      const call = { kind: "wait", id: waitId(name), name, ...waitOptions(what, read) } as const;
      return host.request(call).then((answer) => {
        if (answer.kind !== "wait") throw new Error(`a wait was answered by a ${answer.kind}`);
        if (answer.expired) return undefined;
        return validate(schema, `payload of ${what}`, answer.payload);
      });
    },
    approve(rawName: unknown, options?: unknown) {
      host.assertOpen();
      const name = checkId("approval name", rawName);
      const asked = approvalOptions(`approval ${name}`, options);
      return host.request({ kind: "approval", id: waitId(name), ...asked }).then(decided);
    },
  };
}

function waitOptions(what: string, read: Read): Omit<RequestedWait, "name"> {
  const timeoutMs = durationOption(what, read, "timeout");
  const where = read.get("where");
  return {
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(where === undefined ? {} : { where: checkFunction(`${what}: where`, where) }),
  };
}

function approvalOptions(what: string, options: unknown): RequestedApproval {
  const read = readOptions(what, options, APPROVAL_OPTIONS);
  const timeoutMs = durationOption(what, read, "timeout");
  const approvers = read.get("approvers");
  const request = {
    prompt: readPrompt(what, read.get("prompt")),
    ...(approvers === undefined ? {} : { approvers: readApprovers(what, approvers) }),
    onTimeout: readOnTimeout(what, read),
  };
  return { request, ...(timeoutMs === undefined ? {} : { timeoutMs }) };
}

function decided(answer: Answer): unknown {
  if (answer.kind !== "approval") throw new Error(`an approval was answered by a ${answer.kind}`);
  if ("approval" in answer.outcome) return answer.outcome.approval;
  throw new MillraceError("E_TIMEOUT", answer.outcome.error.message, {
    details: { approval: answer.id },
  });
}
