/** Arbitraries for everything that can be asked of a run, of a step and of a node. */
import fc from "fast-check";
import type { NodeCommand } from "../../../machines/node.ts";
import type { RunCommand } from "../../../machines/run-data.ts";
import type { StepCommand } from "../../../machines/step-data.ts";
import { childCommandTypes } from "./child-arbitraries.ts";
import { type ByType, command, oneOf } from "./message-arbitraries.ts";
import {
  gathering,
  migrating,
  parking,
  planning,
  scheduling,
  signalling,
  starting,
  waiting,
} from "./message-fields.ts";
import { counts, failures, ids, text, times, values } from "./value-arbitraries.ts";

/** An arbitrary for each command to a run, by its name. */
export const runCommandTypes: ByType<RunCommand> = {
  "cmd.claim": command("cmd.claim", { node: ids, lease: text }),
  "cmd.park": command("cmd.park", ...parking),
  "cmd.gather": command("cmd.gather", ...gathering),
  "cmd.admit": command("cmd.admit"),
  "cmd.complete": command("cmd.complete", { output: values }),
  "cmd.fail": command("cmd.fail", { error: failures }),
  "cmd.cancel": command("cmd.cancel", { by: ids, reason: text }, { until: times }),
  "cmd.terminate": command("cmd.terminate", { by: ids, reason: text }),
  "cmd.pause": command("cmd.pause", { by: ids, reason: text }),
  "cmd.resume": command("cmd.resume", { by: ids }),
  "cmd.compensate": command("cmd.compensate", {}, { error: failures }),
  "cmd.open_wait": command("cmd.open_wait", ...waiting),
  "cmd.match_wait": command("cmd.match_wait", { wait: ids, signal: ids }),
  "cmd.expire_wait": command("cmd.expire_wait", { wait: ids }),
  "cmd.cancel_wait": command("cmd.cancel_wait", { wait: ids }),
  "cmd.migrate": command("cmd.migrate", migrating),
  "cmd.plan": command("cmd.plan", ...planning),
  "cmd.continue": command("cmd.continue", { next: ids, input: values }),
  "cmd.close": command("cmd.close"),
  "cmd.set_timer": command("cmd.set_timer", { timer: ids, due: times }),
  "cmd.fire_timer": command("cmd.fire_timer", { timer: ids }),
  "cmd.cancel_timer": command("cmd.cancel_timer", { timer: ids }),
  "cmd.signal": command("cmd.signal", ...signalling),
  "cmd.refuse_signal": command("cmd.refuse_signal", { signal: ids, reason: text }),
};

/** An arbitrary for each command to a step, by its name. */
export const stepCommandTypes: ByType<StepCommand> = {
  ...childCommandTypes,
  "cmd.schedule": command("cmd.schedule", {}, scheduling),
  "cmd.map": command("cmd.map", { count: fc.nat(5) }, { concurrency: fc.nat(3) }),
  "cmd.suspend": command("cmd.suspend"),
  "cmd.start": command("cmd.start", { node: ids }, starting),
  "cmd.complete": command("cmd.complete", { attempt: counts, output: values }),
  "cmd.fail": command("cmd.fail", {
    attempt: counts,
    error: failures,
    retry: fc.boolean(),
    retryAt: times,
  }),
  "cmd.skip": command("cmd.skip", { reason: text }, { by: ids, output: values }),
  "cmd.retry": command(
    "cmd.retry",
    { by: ids, reason: text, attempts: fc.integer({ min: 1, max: 3 }) },
    { input: values },
  ),
  "cmd.give_up": command("cmd.give_up", { by: ids, reason: text }),
  "cmd.cancel": command("cmd.cancel", { reason: text }),
};

/** An arbitrary for each command to a node, by its name. */
export const nodeCommandTypes: ByType<NodeCommand> = {
  "cmd.beat": command("cmd.beat", { draining: fc.boolean() }),
  "cmd.tick": command("cmd.tick", { suspectMs: fc.nat(20), goneMs: fc.nat(40) }),
  "cmd.gone": command("cmd.gone", { reason: text }),
};

/** Any command to a run, however little it fits. */
export const runCommands: fc.Arbitrary<RunCommand> = oneOf(runCommandTypes);
/** Any command to a step, however little it fits. */
export const stepCommands: fc.Arbitrary<StepCommand> = oneOf(stepCommandTypes);
/** Any command to a node, however little it fits. */
export const nodeCommands: fc.Arbitrary<NodeCommand> = oneOf(nodeCommandTypes);
