/** The inbox in memory. Watchers are called in a later microtask, in the order of the posts. */
import type { Clock } from "../../kernel/clock.ts";
import type { Position } from "../../ports/event-log.ts";
import type { Inbox, StoredInput } from "../../ports/inbox.ts";
import { Gate } from "./gate.ts";

type Listener = (input: StoredInput) => void;

/** The kept inputs and who listens to them, as all openings of a backend share them. */
export class InputTable {
  readonly #inputs = new Map<string, StoredInput[]>();
  readonly #listeners = new Map<string, Set<Listener>>();
  #last: Position = 0;

  get count(): number {
    return [...this.#inputs.values()].reduce((sum, inputs) => sum + inputs.length, 0);
  }

  post(run: string, bytes: Uint8Array): Position {
    this.#last += 1;
    const input = { position: this.#last, bytes: bytes.slice() };
    const inputs = this.#inputs.get(run);
    if (inputs) inputs.push(input);
    else this.#inputs.set(run, [input]);
    // Those who listen now; later, so that a listener that posts cannot upset the order.
    const listeners = [...(this.#listeners.get(run) ?? [])];
    queueMicrotask(() => {
      for (const listener of listeners) listener(input);
    });
    return input.position;
  }

  read(run: string): readonly StoredInput[] {
    return this.#inputs.get(run) ?? [];
  }

  discard(run: string, upTo: Position): void {
    const kept = this.read(run).filter((input) => input.position > upTo);
    if (kept.length > 0) this.#inputs.set(run, kept);
    else this.#inputs.delete(run);
  }

  listen(run: string, listener: Listener): () => void {
    const listeners = this.#listeners.get(run) ?? new Set();
    this.#listeners.set(run, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#listeners.get(run) === listeners)
        this.#listeners.delete(run);
    };
  }
}

const copyOf = (input: StoredInput): StoredInput => ({ ...input, bytes: input.bytes.slice() });

/** One opening of an `InputTable`. */
export class MemoryInbox implements Inbox {
  readonly #gate = new Gate("inbox");
  readonly #inputs: InputTable;
  readonly #clock: Clock;
  readonly #stops = new Set<() => void>();

  constructor(inputs: InputTable, clock: Clock) {
    this.#inputs = inputs;
    this.#clock = clock;
  }

  async post(run: string, bytes: Uint8Array): Promise<Position> {
    this.#gate.pass();
    const position = this.#inputs.post(run, bytes);
    await this.#clock.turn();
    return position;
  }

  async read(run: string, after: Position): Promise<readonly StoredInput[]> {
    this.#gate.pass();
    return this.#inputs
      .read(run)
      .filter((input) => input.position > after)
      .map(copyOf);
  }

  /** Nothing is ever missed in memory, so there is no gap to report. */
  async watch(run: string, onInput: (input: StoredInput) => void): Promise<() => void> {
    this.#gate.pass();
    let stopped = false;
    const unlisten = this.#inputs.listen(run, (input) => {
      if (!stopped) onInput(copyOf(input));
    });
    const stop = (): void => {
      stopped = true;
      unlisten();
      this.#stops.delete(stop);
    };
    this.#stops.add(stop);
    return stop;
  }

  async discard(run: string, upTo: Position): Promise<void> {
    this.#gate.pass();
    this.#inputs.discard(run, upTo);
  }

  async close(): Promise<void> {
    this.#gate.shut();
    for (const stop of [...this.#stops]) stop();
  }
}
