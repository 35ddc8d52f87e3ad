/** What the function of a code workflow asks to wait for, as commands to its run. */
import type { RunCommand } from "../../../machines/run-data.ts";
import type { Call } from "../../workflow/session.ts";

/** The command that begins a wait of the function. */
export function waitCommand(
  call: Extract<Call, { kind: "timer" | "wait" | "approval" }>,
  now: number,
): RunCommand {
  const { id } = call;
  if (call.kind === "timer") {
    const due = "due" in call ? call.due : now + call.ms;
    return { type: "cmd.set_timer", now, timer: id, due };
  }
  const due = call.timeoutMs === undefined ? null : now + call.timeoutMs;
  if (call.kind === "wait") {
    return { type: "cmd.open_wait", now, wait: id, name: call.name, due };
  }
  return { type: "cmd.open_wait", now, wait: id, name: id, due, approval: call.request };
}
