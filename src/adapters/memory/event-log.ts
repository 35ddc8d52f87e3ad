/**
 * The event log in memory: the reference for what the port means. Everything that decides happens
 * in one synchronous stretch, so two appends can never interleave.
 */
import type { Clock } from "../../kernel/clock.ts";
import { MillraceError } from "../../kernel/errors.ts";
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
  /** Rings when there is a frame more. */
  readonly changed = new Bell();
  #all: StoredFrame[] = [];
  readonly #runs = new Map<string, StoredFrame[]>();
  readonly #workflows = new Map<string, StoredFrame[]>();
  readonly #erased = new Set<string>();
  #last: Position = 0;

  get count(): number {
    return this.#all.length;
  }

  append(frame: NewFrame): AppendOutcome {
    if (this.#erased.has(frame.run)) throw erased(frame.run);
    const head = this.head(frame.run);
    if (head !== frame.expected) return this.#resolve(frame, head);
    this.#last += 1;
    this.#keep({ ...copyOf(frame), position: this.#last });
    this.changed.ring();
    return { ok: true, position: this.#last };
  }

  head(run?: string): Position {
    return this.#select(run === undefined ? {} : { run }).at(-1)?.position ?? 0;
  }

  /** The first frame of the scope past `after`. */
  next(scope: LogScope, after: Position): StoredFrame | undefined {
    const frames = this.#select(scope);
    let [low, high] = [0, frames.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((frames[middle]?.position ?? 0) > after) high = middle;
      else low = middle + 1;
    }
    return frames[low];
  }

  /** Leaves its tombstone also where there was no such run, so that none can appear. */
  erase(run: string): boolean {
    this.#erased.add(run);
    const [first] = this.#runs.get(run) ?? [];
    if (first === undefined) return false;
    const others = (frame: StoredFrame): boolean => frame.run !== run;
    this.#runs.delete(run);
    this.#all = this.#all.filter(others);
    const siblings = this.#workflows.get(first.workflow) ?? [];
    this.#workflows.set(first.workflow, siblings.filter(others));
    return true;
  }

  /** A conflict, unless the run's first frame after `expected` is this very frame. */
  #resolve(frame: NewFrame, head: Position): AppendOutcome {
    const stored = this.next({ run: frame.run }, frame.expected);
    return stored && Buffer.compare(stored.bytes, frame.bytes) === 0
      ? { ok: true, position: stored.position }
      : { ok: false, head };
  }

  #keep(frame: StoredFrame): void {
    this.#all.push(frame);
    add(this.#runs, frame.run, frame);
    add(this.#workflows, frame.workflow, frame);
  }

  #select({ run, workflow }: LogScope): readonly StoredFrame[] {
    if (run === undefined)
      return workflow === undefined ? this.#all : (this.#workflows.get(workflow) ?? []);
    const frames = this.#runs.get(run) ?? [];
    return workflow === undefined ? frames : frames.filter((one) => one.workflow === workflow);
  }
}

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
  new MillraceError("E_RUN_ERASED", `run ${run} was erased; its id cannot be used again`, {
    details: { run },
  });

/** One opening of a `FrameTable`. */
export class MemoryEventLog implements EventLog {
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
    const { after = 0, limit = Number.POSITIVE_INFINITY, upTo } = range;
    const end = Math.min(upTo ?? Number.POSITIVE_INFINITY, this.#frames.head());
    let cursor = after;
    for (let given = 0; given < limit; given += 1) {
      this.#gate.pass();
      const frame = this.#frames.next(range, cursor);
      if (frame === undefined || frame.position > end) return;
      cursor = frame.position;
      yield copyOf(frame);
    }
  }

  async *subscribe(
    scope: LogScope,
    after: Position,
    signal: AbortSignal,
  ): AsyncGenerator<StoredFrame, void, undefined> {
    this.#gate.pass();
    let cursor = after;
    while (!signal.aborted && !this.#gate.isShut) {
      const frame = this.#frames.next(scope, cursor);
      if (frame === undefined) {
        await this.#frames.changed.heard({ signal, clock: this.#clock });
        continue;
      }
      cursor = frame.position;
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
