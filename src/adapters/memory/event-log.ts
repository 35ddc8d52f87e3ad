/**
 * The event log in memory: the reference for what the port means. Everything that decides happens
 * in one synchronous stretch, so two appends can never interleave.
 */
import type { Clock } from "../../kernel/clock.ts";
import { MillraceError } from "../../kernel/errors.ts";
import { type Cursor, positionIn } from "../../ports/cursor.ts";
import type {
  AppendOutcome,
  EventLog,
  LogScope,
  NewFrame,
  Position,
  ReadRange,
  StoredFrame,
} from "../../ports/event-log.ts";
import { Bell, Gate } from "./gate.ts";

/** The stored frames, as all openings of a backend share them. */
export class FrameTable {
  /** Rings when there is a frame more, for all scopes that it is in. */
  readonly changed = new Bell();
  #all: StoredFrame[] = [];
  readonly #runs = new Map<string, StoredFrame[]>();
  readonly #workflows = new Map<string, StoredFrame[]>();
  #last: Position = 0;

  get count(): number {
    return this.#all.length;
  }

  append(frame: NewFrame): AppendOutcome {
    const head = this.head(frame.run);
    if (head !== frame.expected) return this.#resolve(frame, head);
    const { workflow, run, bytes } = copyOf(frame);
    return { ok: true, position: this.#keep({ workflow, run, bytes }) };
  }

  head(run?: string): Position {
    return this.#select(run === undefined ? {} : { run }).at(-1)?.position ?? 0;
  }

  /** The first frame of the scope past `after`, or tombstone if they are asked for. */
  next(scope: LogScope, after: Position, tombstones = false): StoredFrame | undefined {
    const frames = this.#select(scope);
    let [low, high] = [0, frames.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((frames[middle]?.position ?? 0) > after) high = middle;
      else low = middle + 1;
    }
    while (!tombstones && isTombstone(frames[low])) low += 1;
    return frames[low];
  }

  erase(run: string): boolean {
    const last = this.#runs.get(run)?.at(-1);
    if (last === undefined || isTombstone(last)) return false;
    const others = (frame: StoredFrame): boolean => frame.run !== run;
    this.#runs.delete(run);
    this.#all = this.#all.filter(others);
    const siblings = this.#workflows.get(last.workflow) ?? [];
    this.#workflows.set(last.workflow, siblings.filter(others));
    this.#keep({ workflow: NO_WORKFLOW, run, bytes: new Uint8Array() });
    return true;
  }

  /** A conflict, unless the run's first frame after `expected` is this very frame. */
  #resolve(frame: NewFrame, head: Position): AppendOutcome {
    if (isTombstone(this.#runs.get(frame.run)?.at(-1))) throw erased(frame.run);
    const stored = this.next({ run: frame.run }, frame.expected);
    return stored && Buffer.compare(stored.bytes, frame.bytes) === 0
      ? { ok: true, position: stored.position }
      : { ok: false, head };
  }

  #keep(bare: Omit<StoredFrame, "position">): Position {
    this.#last += 1;
    const frame = { ...bare, position: this.#last };
    this.#all.push(frame);
    add(this.#runs, frame.run, frame);
    if (!isTombstone(frame)) add(this.#workflows, frame.workflow, frame);
    const { run, workflow } = frame;
    this.changed.ring(topicOf({}), topicOf({ run }), topicOf({ workflow }));
    return this.#last;
  }

  #select({ run, workflow }: LogScope): readonly StoredFrame[] {
    if (run === undefined)
      return workflow === undefined ? this.#all : (this.#workflows.get(workflow) ?? []);
    const frames = this.#runs.get(run) ?? [];
    return workflow === undefined ? frames : frames.filter((one) => one.workflow === workflow);
  }
}

const NO_WORKFLOW = "";

/** Who follows one run is not woken for others. */
const topicOf = ({ run, workflow }: LogScope): string =>
  run === undefined ? `workflow ${workflow ?? "*"}` : `run ${run}`;

const isTombstone = (frame: StoredFrame | undefined): boolean => frame?.bytes.length === 0;

function add(lists: Map<string, StoredFrame[]>, key: string, frame: StoredFrame): void {
  const list = lists.get(key);
  if (list) list.push(frame);
  else lists.set(key, [frame]);
}

const copyOf = <F extends NewFrame | StoredFrame>(frame: F): F => ({
  ...frame,
  bytes: frame.bytes.slice(),
});

const erased = (run: string): MillraceError =>
  new MillraceError(
    "E_RUN_ERASED",
    `run ${run} was erased and takes no more events; use another run id, or begin it anew through a store's createRun`,
    { details: { run } },
  );

/** One opening of a `FrameTable`. */
export class MemoryEventLog implements EventLog {
  readonly partitions = 1;
  readonly #gate = new Gate("event log");
  readonly #frames: FrameTable;
  readonly #clock: Clock;

  constructor(frames: FrameTable, clock: Clock) {
    this.#frames = frames;
    this.#clock = clock;
  }

  async append(frame: NewFrame): Promise<AppendOutcome> {
    this.#gate.pass();
    const outcome = this.#frames.append(frame);
    // As from any store, the answer comes in a later turn: a busy writer starves nobody.
    await this.#clock.turn();
    return outcome;
  }

  async *read(range: ReadRange): AsyncGenerator<StoredFrame, void, undefined> {
    this.#gate.pass();
    const { after = 0, limit = Number.POSITIVE_INFINITY, upTo = Number.POSITIVE_INFINITY } = range;
    const end = Math.min(positionIn(upTo), this.#frames.head());
    let at = positionIn(after);
    for (let given = 0; given < limit; given += 1) {
      this.#gate.pass();
      const frame = this.#frames.next(range, at, range.tombstones);
      if (frame === undefined || frame.position > end) return;
      at = frame.position;
      yield copyOf(frame);
    }
  }

  async *subscribe(
    scope: LogScope,
    after: Cursor,
    signal: AbortSignal,
  ): AsyncGenerator<StoredFrame, void, undefined> {
    this.#gate.pass();
    let at = positionIn(after);
    while (!signal.aborted && !this.#gate.isShut) {
      const frame = this.#frames.next(scope, at, scope.tombstones);
      if (frame === undefined) {
        await this.#frames.changed.heard({ signal, clock: this.#clock, topic: topicOf(scope) });
        continue;
      }
      at = frame.position;
      yield copyOf(frame);
    }
  }

  async head(run?: string): Promise<Position> {
    this.#gate.pass();
    return this.#frames.head(run);
  }

  async erase(run: string): Promise<boolean> {
    this.#gate.pass();
    return this.#frames.erase(run);
  }

  async close(): Promise<void> {
    this.#gate.shut();
    this.#frames.changed.ring();
  }
}
