/** The `ctx` of a code workflow: turns the user's calls into requests of a session. */
import { childRunId } from "../domain/run-ids.ts";
import { checkId } from "../kernel/ids.ts";
import { toJson } from "../kernel/json.ts";
import type { Answer, ContextHost } from "./calls.ts";
import { type ChildCallHost, startChild, startChildren } from "./child-calls.ts";
import { stepBody } from "./declare.ts";
import { numbered } from "./numbered.ts";
import { readOptions } from "./options.ts";
import { POLICY_OPTIONS, readPolicy } from "./policy.ts";
import { waitingCalls } from "./session-waits.ts";
import { stepFailedError } from "./step-failure.ts";
import type { WorkflowContext } from "./workflow-context.ts";

const CALL_OPTIONS = [...POLICY_OPTIONS, "output", "undo"] as const;

/** A context whose calls go to `host`. */
export function sessionContext(
  facts: Pick<WorkflowContext, "input" | "runId" | "tick">,
  host: ContextHost,
): WorkflowContext {
  const stepId = numbered();
  const calls: ChildCallHost = {
    ...host,
    stepId,
    runId: (step) => childRunId(facts.runId, step, 1),
  };
  const ctx = {
    ...facts,
    ...waitingCalls(host),
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
    child(name: unknown, workflow: unknown, input?: unknown, options?: unknown) {
      return startChild(calls, name, workflow, input, options).result();
    },
    startChild(name: unknown, workflow: unknown, input?: unknown, options?: unknown) {
      return startChild(calls, name, workflow, input, options);
    },
    children(name: unknown, workflow: unknown, inputs: unknown, options?: unknown) {
      return startChildren(calls, name, workflow, inputs, options);
    },
    continueAsNew(input?: unknown) {
      host.assertOpen();
      host.continueAsNew(toJson("input of the next run", input));
      return new Promise<never>(() => undefined);
    },
    continueIfLong(input?: unknown) {
      host.assertOpen();
      return host.isLong() ? ctx.continueAsNew(input) : Promise.resolve();
    },
    all(promises: object) {
      host.assertOpen();
      return Array.isArray(promises) ? Promise.all(promises) : allOf(promises);
    },
    now() {
      host.assertOpen();
      return host.now();
    },
    historyLength() {
      host.assertOpen();
      return host.historyLength();
    },
  };
  return Object.freeze(ctx) as WorkflowContext;
}

function resultOf(answer: Answer): unknown {
  if (answer.kind !== "step") throw new Error(`a step was answered by a ${answer.kind}`);
  const { id, outcome } = answer;
  if (outcome.ok) return outcome.value;
  throw stepFailedError(id, outcome.failure, outcome.cancelled === true);
}

async function allOf(promises: object): Promise<unknown> {
  const entries = Object.entries(promises).map(
    async ([key, promise]) => [key, await promise] as const,
  );
  return Object.fromEntries(await Promise.all(entries));
}
