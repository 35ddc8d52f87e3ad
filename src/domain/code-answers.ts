/** What the function of a code workflow asks of its run, and what it is answered, in the log's order. */
import type { RunEvent } from "../../machines/run-data.ts";
import type { RunState } from "./state.ts";

/** Takes down what the event says of that; steps are taken down where they begin and end. */
export function converse(state: RunState, event: RunEvent): void {
  switch (event.type) {
    case "timer.set":
      state.calls.push(`timer:${event.timer}`);
      break;
    case "timer.fired":
      answer(state, `timer:${event.timer}`, event.at);
      break;
    case "wait.opened":
      state.calls.push(waitKey(state, event.wait));
      break;
    case "wait.matched":
    case "wait.expired":
      answer(state, waitKey(state, event.wait), event.at);
      break;
  }
}

/** Takes down that the event being folded, the next of its run, is an answer. */
export function answer(state: RunState, key: string, at: number): void {
  state.answers.push({ key, at, seq: state.cursor.seq + 1 });
}

/** A function that asks for a signal where it asked for a decision is another one. */
const waitKey = ({ run }: RunState, wait: string): string =>
  Object.hasOwn(run.context.approvals, wait) ? `approval:${wait}` : `wait:${wait}`;
