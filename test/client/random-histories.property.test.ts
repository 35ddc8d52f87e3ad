/**
 * Random workflows, forked behind their events and taken through archives: a fork ends as its origin did,
 * and does nothing again that was done; a run that was exported and imported is the same run.
 */
import fc from "fast-check";
import { expect, it } from "vitest";
import { loadKept } from "../../src/engine/reading/kept-run.ts";
import { openFrame } from "../../src/events/frame.ts";
import { recordedEvents } from "../../src/events/recorded.ts";
import { type Millrace, open, type RecordedEvent, type RunHandle } from "../../src/index.ts";
import type { Clock } from "../../src/kernel/clock.ts";
import { type Outside, testRuntime } from "../../src/testing.ts";
import {
  answerAll,
  build,
  codeSpecs,
  graphSpecs,
  type Spec,
} from "../engine/kit/random-workflow.ts";
import { engineOf } from "../stores/places.ts";

/** A few seconds of it here; a night of it elsewhere. */
const RUNS = Number(process.env["MILLRACE_PROPERTY_RUNS"] ?? 25);
/** Forks of one run. */
const FORKS = 4;

async function eventsOf(millrace: Millrace, run: string): Promise<RecordedEvent[]> {
  const events: RecordedEvent[] = [];
  for await (const stored of millrace.store.log.read({ run })) {
    events.push(...recordedEvents(stored, openFrame(run, stored.bytes).frame));
  }
  return events;
}

/** All that is known of a run beside the place it lies in. */
async function knownOf(millrace: Millrace, run: string): Promise<unknown> {
  const { state, notes } = await loadKept(engineOf(millrace.store, millrace.node), run);
  const { cursor, graph: _, ...rest } = state;
  return { seq: cursor.seq, rest, steps: notes.steps };
}

const outcomeOf = async (run: RunHandle<unknown>): Promise<unknown> => {
  const { status, output, error } = await run.get();
  return { status, output, code: error?.code };
};

/** The simulated time of the runtime, as a clock. */
const clockOf = (outside: Outside): Clock => ({
  now: () => outside.now(),
  mono: () => outside.now(),
  turn: () => outside.sleep(0),
  after(ms, fire) {
    const given = new AbortController();
    void outside.sleep(ms, given.signal).then(() => given.signal.aborted || fire());
    return () => given.abort();
  },
});

async function check(spec: Spec, seed: number, picks: readonly number[]): Promise<void> {
  await using runtime = await testRuntime({
    seed,
    workflows: (outside) => [build(spec, { clock: clockOf(outside), executed: () => undefined })],
  });
  const { client } = runtime;
  const origin = await client.start("random", "input", { id: "origin" });
  const silent = await client.start("random", "input", { id: "silent" });
  await answerAll(origin, spec);
  await runtime.idle("30d");
  const outcome = await outcomeOf(origin);
  const events = await eventsOf(client, origin.id);
  for (const pick of picks) {
    const { seq } = events[pick % events.length] ?? { seq: 1 };
    const fork = await client.fork(origin.id, { seq });
    await answerAll(fork, spec);
    await runtime.idle("30d");
    const what = `forked behind event ${seq}, ${events[seq - 1]?.type}`;
    expect(await outcomeOf(fork), what).toEqual(outcome);
    const done = events
      .slice(0, seq)
      .flatMap((one) => (one.type === "step.completed" ? one.step : []));
    const begun = (await eventsOf(client, fork.id)).flatMap((one) =>
      one.type === "step.started" ? one.step : [],
    );
    expect(
      begun.filter((step) => done.includes(step)),
      what,
    ).toEqual([]);
  }
  await using there = await open({ store: "memory" });
  for (const { id } of [origin, silent]) {
    await there.history.import(client.history.export(id));
    expect(await knownOf(there, id)).toEqual(await knownOf(client, id));
  }
}

/** Forks between the suspension of a step and the setting of its timer. */
const SLEEP: Spec = {
  kind: "graph",
  steps: [
    { fails: 0, ms: 0, undo: false, shape: "sleep", needs: [], chosen: false, concurrency: 1 },
  ],
  broken: 0,
  goesOn: false,
  atOnce: 1,
};

it("a fork behind the suspension of a step waits", () => check(SLEEP, 1, [2, 3, 4, 5]));

it.each<[string, fc.Arbitrary<Spec>]>([
  ["graphs", graphSpecs],
  ["code", codeSpecs],
])(
  "forks and archives of random %s",
  async (_, specs) => {
    const picks = fc.array(fc.nat(), { minLength: FORKS, maxLength: FORKS });
    await fc.assert(fc.asyncProperty(specs, fc.integer({ min: 1, max: 1e6 }), picks, check), {
      numRuns: RUNS,
    });
  },
  300_000,
);
