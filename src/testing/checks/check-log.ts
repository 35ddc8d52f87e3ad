/**
 * What must hold of every log, whatever happened to the processes that wrote it: a checker for tests
 * that kill, freeze, race and restart them. Pure: it looks at recorded events only. Of frames it sees
 * what readers see; that they form an unbroken chain is checked whenever a run is folded.
 */
import type { ForkPoint } from "../../../machines/run-data.ts";
import { evolve } from "../../domain/evolve.ts";
import { inherit } from "../../domain/fork.ts";
import { emptyRun, isDriven, type RunState } from "../../domain/state.ts";
import { type RecordedEvent, RUN_ENDS } from "../../events/vocabulary.ts";
import { isMillraceError } from "../../kernel/errors.ts";
import { isRecordId } from "../../kernel/ids.ts";
import { AdmissionCheck } from "./check-admissions.ts";
import { CapacityCheck } from "./check-capacity.ts";
import { FamilyCheck } from "./check-family.ts";
import { OutputCheck } from "./check-outputs.ts";
import { RecordCheck } from "./check-records.ts";
import { StepCheck } from "./check-steps.ts";
import { WaitCheck } from "./check-waits.ts";
import type { Report, Violation } from "./violation.ts";

/** What is known about the log from elsewhere. */
export interface LogCheckOptions {
  /** Ids of runs whose start was acknowledged. */
  readonly started?: Iterable<string>;
}

/**
 * Checks events of any number of runs, in the order of the log. One of several partitions has none: of its
 * events, give those in the order in which they were stored, or of one run at a time.
 *
 * - I1 an acknowledged start is in the log, and a run is created once, by its first event
 * - I3 seqs of a run are 1, 2, 3 …
 * - I5 a commit id names one frame
 * - I6 nothing follows the end of a run but notes of others than its host, and the ends of steps that
 *   nobody could stop (of a run that is driven by hand)
 * - I7 every event is one that the machines take at that moment
 * - I9 positions grow from frame to frame
 * - I10 attempts of a step are 1, 2, 3 …
 * - I11 a step ends once
 * - I12 what an attempt led to is recorded of the attempt begun last
 * - I13 who writes as the run's host is who claimed it last, and epochs are 1, 2, 3 …
 * - I14 no step begins before everything that it needs has ended, or if some of it failed
 * - I16 a ref names one output, which was made from earlier ones only
 * - I17 attempts keep to their maximum, no more of them run at once than the plan allows, no wait is
 *   negative, and nothing begins in a run that is being stopped
 * - I19 only what was completed is undone, once, and what was completed last first
 * - I20 a timer fires once, and not before it is due
 * - I21 a signal is taken once, and goes to one wait, or is refused
 * - I22 a wait ends once: by a signal of its name, for an approval by a decision of somebody who may
 *   decide, or by nothing but its time
 * - I24 a child run was asked for by its parent before it began, and gave it a result only by completing
 * - I25 a run goes on for one that ended for it, and is the only one
 * - I23 a run that is held back is let in not before its time, and begins nothing before that
 * - I26 no limit is ever exceeded, neither by whom its gate has let in nor by the runs at work
 * - I27 a tick of a schedule is taken once, and later ones after earlier ones
 * - I28 at no event more is running on a node than it has
 *
 * I2, I4, I8 and I15 speak of bytes, of repeated reads and of values, which events do not show.
 */
export function checkLog(
  events: Iterable<RecordedEvent>,
  options: LogCheckOptions = {},
): readonly Violation[] {
  const violations: Violation[] = [];
  const report: Report = (invariant, { run, seq }, what) => {
    violations.push({ invariant, run, seq, what });
  };
  const runs = new Map<string, RunCheck>();
  const commits = new Map<string, number>();
  const outputs = new OutputCheck(report);
  const family = new FamilyCheck(report);
  const admissions = new AdmissionCheck(report);
  const capacity = new CapacityCheck(report);
  const records = new Map<string, RecordCheck>();
  for (const event of events) {
    if (isRecordId(event.run)) {
      const record = records.get(event.run) ?? new RecordCheck(event.workflow, report);
      records.set(event.run, record);
      record.take(event);
      continue;
    }
    admissions.take(event);
    capacity.take(event);
    const check = runs.get(event.run) ?? new RunCheck(event.run, report, (run) => runs.get(run));
    runs.set(event.run, check);
    const position = commits.get(event.commit) ?? event.position;
    commits.set(event.commit, position);
    if (position !== event.position) report("I5", event, `commit ${event.commit} is there twice`);
    check.take(event);
    outputs.take(event);
    family.take(event);
  }
  outputs.end();
  for (const run of options.started ?? []) {
    if (!runs.has(run)) violations.push({ invariant: "I1", run, seq: 0, what: "it is not there" });
  }
  return violations;
}

/** Outputs, checkpoints and facts may be added through the stores to a run that has ended. */
const isForeignNote = ({ type, writer }: RecordedEvent): boolean =>
  writer.epoch === 0 && !type.startsWith("run.") && !/^(step|child|timer|signal|wait)\./.test(type);

/** The invariants of one run. */
class RunCheck {
  readonly #report: Report;
  readonly #others: (run: string) => RunCheck | undefined;
  /** For forks of the run. */
  readonly #events: RecordedEvent[] = [];
  #steps: StepCheck;
  #waits: WaitCheck;
  #state: RunState;
  #seq = 0;
  #position = 0;
  #epoch = 0;
  #node: string | undefined;
  /** The frame in which the host let go of the run; all of it is still the host's. */
  #parkedBy: string | undefined;
  #ended = false;
  #illegal = false;

  constructor(run: string, report: Report, others: (run: string) => RunCheck | undefined) {
    this.#report = report;
    this.#others = others;
    this.#steps = new StepCheck(report);
    this.#waits = new WaitCheck(report);
    this.#state = emptyRun(run);
  }

  take(event: RecordedEvent): void {
    if (event.type === "run.created" && event.forkOf !== undefined) this.#branch(event.forkOf);
    this.#events.push(event);
    this.#order(event);
    this.#writer(event);
    this.#waits.take(event);
    this.#steps.take(event);
    this.#fold(event);
    if (RUN_ENDS.has(event.type)) this.#ended = true;
  }

  /** What it was right after event `seq`, and what its steps were seen to do until then. */
  #at(seq: number): { state: RunState; steps: StepCheck; waits: WaitCheck } {
    const replayed = new RunCheck(this.#state.id, () => undefined, this.#others);
    for (const event of this.#events.slice(0, seq)) replayed.take(event);
    return { state: replayed.#state, steps: replayed.#steps, waits: replayed.#waits };
  }

  #branch({ run, seq, reset = [] }: ForkPoint): void {
    const other = this.#others(run);
    if (other === undefined) return;
    const origin = other.#at(seq);
    this.#state = inherit(origin.state, this.#state.id, reset);
    this.#steps = origin.steps.inherited(this.#report, seq, reset);
    this.#waits = origin.waits.inherited(this.#report, reset);
  }

  #order(event: RecordedEvent): void {
    if (event.seq !== this.#seq + 1) this.#report("I3", event, `it follows seq ${this.#seq}`);
    if ((event.type === "run.created") !== (event.seq === 1)) {
      this.#report("I1", event, "a run begins with run.created, and only once");
    }
    if (event.position < this.#position) this.#report("I9", event, "its position goes back");
    if (this.#ended && !isForeignNote(event) && !(isDriven(this.#state) && "step" in event)) {
      this.#report("I6", event, `${event.type} after the end of the run`);
    }
    this.#seq = event.seq;
    this.#position = event.position;
  }

  #writer(event: RecordedEvent): void {
    if (this.#parkedBy !== undefined && this.#parkedBy !== event.commit) {
      this.#parkedBy = undefined;
      this.#node = undefined;
    }
    if (event.type === "run.claimed") {
      if (event.epoch !== this.#epoch + 1) {
        this.#report("I13", event, `epoch ${event.epoch} follows ${this.#epoch}`);
      }
      this.#epoch = event.epoch;
      this.#node = event.node;
    }
    // Who drives a run by hand begins and claims it in one frame.
    if (event.type === "run.created") return;
    const { node, epoch } = event.writer;
    const claimed = this.#node !== undefined;
    const asHost = epoch > 0 || (claimed && event.type.startsWith("step."));
    // The claim is part of the frame that the new host writes.
    if (asHost && (node !== this.#node || epoch !== this.#epoch)) {
      const holder = `${this.#node ?? "nobody"} in epoch ${this.#epoch}`;
      this.#report("I13", event, `${node} wrote it in epoch ${epoch}, the host is ${holder}`);
    }
    if (event.type === "run.parked") this.#parkedBy = event.commit;
  }

  /** After the first illegal event the machines' state means nothing. */
  #fold(event: RecordedEvent): void {
    if (this.#illegal) return;
    try {
      evolve(this.#state, event);
    } catch (error) {
      if (!isMillraceError(error, "E_LOG_CORRUPT")) throw error;
      this.#illegal = true;
      this.#report("I7", event, error.message);
    }
  }
}
