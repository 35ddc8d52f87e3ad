/** How fast a run's state is folded from its frames: 100,000 events of one run, bytes to state. */
import { evolveFrame } from "../src/domain/evolve.ts";
import { emptyRun } from "../src/domain/state.ts";
import { NO_PREVIOUS, openFrame, sealFrame } from "../src/events/frame.ts";
import type { MillraceEvent } from "../src/events/vocabulary.ts";
import { rounded } from "./measure.ts";
import { sequential } from "./workflows.ts";

const RUN = "fold";
const STEPS = 33_333;

/** Frames of one run, three events each: a step ends and the next begins. */
export function frames(run: string, steps: number): Uint8Array[] {
  const at = 1_700_000_000_000;
  const value = { json: "twenty-byte-result!!" };
  const { plan, name } = sequential;
  const sealed: Uint8Array[] = [];
  let [prev, seq] = [NO_PREVIOUS, 1];
  const commit = (events: MillraceEvent[]): void => {
    const frame = { commit: `c${seq}`, writer: { node: "n", epoch: 1 }, at, seq, inbox: 0, events };
    const { bytes, sum } = sealFrame(run, prev, frame);
    sealed.push(bytes);
    prev = sum;
    seq += events.length;
  };
  const begin = (step: string): MillraceEvent[] => [
    { type: "step.scheduled", at, step, maxAttempts: 4 },
    { type: "step.started", at, step, attempt: 1, node: "n" },
  ];
  commit([{ type: "run.created", at, workflow: name, content: "c", input: value, plan }]);
  commit([{ type: "run.claimed", at, epoch: 1, node: "n", lease: "l" }, ...begin("s0")]);
  for (let step = 0; step < steps; step++) {
    const done: MillraceEvent = {
      type: "step.completed",
      at,
      step: `s${step}`,
      attempt: 1,
      output: value,
    };
    commit([done, ...begin(`s${step + 1}`)]);
  }
  return sealed;
}

export function foldRate(): {
  events: number;
  frames: number;
  eventsPerSecond: number;
  seconds: number;
} {
  const sealed = frames(RUN, STEPS);
  const began = performance.now();
  const state = emptyRun(RUN);
  for (const [index, bytes] of sealed.entries()) {
    evolveFrame(state, openFrame(RUN, bytes), index + 1);
  }
  const seconds = (performance.now() - began) / 1000;
  const events = state.cursor.seq;
  return {
    events,
    frames: sealed.length,
    eventsPerSecond: Math.round(events / seconds),
    seconds: rounded(seconds, 3),
  };
}
