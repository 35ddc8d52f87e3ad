/**
 * Where a record beside runs lies in the log: in generations, so that it stays short however long it
 * lives. Each has an id of its own, which is used once:
 *
 *   …-1   ●●●●●●● closed   erased
 *   …-2                  opened ●●●●●● closed   erased
 *   …-3                                       opened ●●●…
 *
 * `ledger.closed` ends a generation; the next one begins with the state that it carries over, and then
 * the old one is erased, but for its tombstone. Each of these is a conditional append or can be repeated,
 * so whoever comes by goes on where a process has died.
 */
import type { Actor, Table } from "../../domain/table.ts";
import { type Frame, NO_PREVIOUS, openFrame, type Sealed, sealFrame } from "../../events/frame.ts";
import type { MillraceEvent, RecordEvent } from "../../events/vocabulary.ts";
import { isMillraceError, MillraceError } from "../../kernel/errors.ts";
import { digest } from "../../kernel/json.ts";
import type { Engine } from "../engine.ts";

/** What every record remembers. */
export interface LedgerContext {
  name: string;
  generation: number;
}

/** Anything that a record's machine is told. */
export interface Message {
  readonly type: string;
}

/** One kind of records: its machine, and what is carried from one generation to the next. */
export interface LedgerKind<C extends LedgerContext> {
  /** Stands in the log where a run's workflow does. */
  readonly workflow: string;
  readonly table: Table<C, Message, Message>;
  context(input: { readonly name: string }): C;
  /** What follows by itself from everything that was decided, as commands: asked for until there are no more. */
  settle?(context: C, now: number): Iterable<Message>;
  /** JSON. */
  carried(context: C, now: number): object;
  /** A generation of so many frames is closed. */
  readonly framesMax: number;
}

/** A generation of a record as committed, and where its log ends. */
export interface Kept<C> {
  readonly name: string;
  readonly generation: number;
  actor: Actor<C>;
  /** Position of its last frame; 0: it has none. */
  head: number;
  sum: string;
  seq: number;
  frames: number;
}

/** The id of a generation in the log: nobody can give it to a run. */
export const ledgerId = (workflow: string, name: string, generation: number): string =>
  `${workflow}-${digest(name)}-${generation}`;

const idOf = <C extends LedgerContext>(
  kind: LedgerKind<C>,
  { name, generation }: Kept<C>,
): string => ledgerId(kind.workflow, name, generation);

/**
 * The record's present generation; one without an event when there is no such record.
 * @throws MillraceError `E_LOG_CORRUPT`, `E_FRAME_INVALID`
 */
export async function locate<C extends LedgerContext>(
  engine: Engine,
  kind: LedgerKind<C>,
  name: string,
): Promise<Kept<C>> {
  for (let from = 1; ; ) {
    const newest = await newestFrom(engine, kind, name, from);
    const kept = freshOf(kind, name, newest ?? from);
    if (newest === undefined) return kept;
    // One that was closed and erased while it was read has a successor.
    from = newest + 1;
    if (!(await foldNew(engine, kind, kept)) || kept.seq === 0) continue;
    if (kept.actor.state !== "closed") return kept;
    const next = await goOn(engine, kind, kept);
    if (next !== undefined) return next;
  }
}

/**
 * The last generation that has begun, found by doubling steps and then by halving them: one that has begun
 * has a head for ever. Undefined: none from this one on.
 */
async function newestFrom<C extends LedgerContext>(
  { store }: Engine,
  { workflow }: LedgerKind<C>,
  name: string,
  from: number,
): Promise<number | undefined> {
  const hasBegun = async (generation: number): Promise<boolean> =>
    (await store.log.head(ledgerId(workflow, name, generation))) > 0;
  if (!(await hasBegun(from))) return undefined;
  let [begun, step] = [from, 1];
  for (; await hasBegun(begun + step); step *= 2) begun += step;
  for (step /= 2; step >= 1; step /= 2) if (await hasBegun(begun + step)) begun += step;
  return begun;
}

function freshOf<C extends LedgerContext>(
  kind: LedgerKind<C>,
  name: string,
  generation: number,
): Kept<C> {
  const actor = kind.table.create(kind.context({ name }));
  return { name, generation, actor, head: 0, sum: NO_PREVIOUS, seq: 0, frames: 0 };
}

/**
 * Folds what the generation has past what is kept. False: that does not follow, for it was erased.
 * @throws MillraceError `E_LOG_CORRUPT`, `E_FRAME_INVALID`
 */
export async function foldNew<C extends LedgerContext>(
  engine: Engine,
  kind: LedgerKind<C>,
  kept: Kept<C>,
): Promise<boolean> {
  const run = idOf(kind, kept);
  for await (const stored of engine.store.log.read({ run, after: kept.head })) {
    const { frame, prev, sum } = openFrame(run, stored.bytes, engine.codecs);
    if (prev !== kept.sum || frame.seq !== kept.seq + 1) return false;
    for (const event of frame.events) fold(kind, kept.actor, event);
    stand(kept, stored.position, sum, frame.events.length);
  }
  return true;
}

/** @throws MillraceError `E_LOG_CORRUPT` when the record's machine does not take the event */
export function fold<C extends LedgerContext>(
  { table, workflow }: LedgerKind<C>,
  actor: Actor<C>,
  event: MillraceEvent,
): void {
  const moved = table.evolve(actor, event);
  if (moved.ok) return;
  const { name } = actor.context;
  throw new MillraceError(
    "E_LOG_CORRUPT",
    `${workflow} ${name}: ${event.type} in state ${moved.error.state}; restore the log from a backup`,
    { details: { record: workflow, name } },
  );
}

/** Appends events to the generation. False: its log has moved on. @throws MillraceError `E_TOO_LARGE` */
export async function append<C extends LedgerContext>(
  engine: Engine,
  kind: LedgerKind<C>,
  kept: Kept<C>,
  now: number,
  events: readonly RecordEvent[],
): Promise<boolean> {
  const run = idOf(kind, kept);
  const { bytes, sum } = seal(engine, run, kept, now, events);
  const frame = { workflow: kind.workflow, run, expected: kept.head, bytes };
  const outcome = await engine.store.log.append(frame).catch(erased);
  if (!outcome.ok) return false;
  stand(kept, outcome.position, sum, events.length);
  return true;
}

/** It was closed and erased since it was read. */
function erased(error: unknown): { readonly ok: false } {
  if (isMillraceError(error, "E_RUN_ERASED")) return { ok: false };
  throw error;
}

function stand<C>(kept: Kept<C>, position: number, sum: string, events: number): void {
  kept.head = position;
  kept.sum = sum;
  kept.seq += events;
  kept.frames++;
}

function seal<C>(
  engine: Engine,
  run: string,
  { sum, seq }: Pick<Kept<C>, "sum" | "seq">,
  at: number,
  events: readonly RecordEvent[],
): Sealed {
  const commit = engine.world.ids();
  const writer = { node: engine.node, epoch: 0 };
  const frame: Frame = { commit, writer, at, seq: seq + 1, inbox: 0, events };
  return sealFrame(run, sum, frame, engine.codec);
}

/** What the generation after this one begins with. */
function opening<C extends LedgerContext>(
  kind: LedgerKind<C>,
  { name, generation, actor }: Kept<C>,
  now: number,
): RecordEvent {
  const state = kind.carried(actor.context, now);
  return { type: "ledger.opened", at: now, name, generation: generation + 1, state };
}

/** Begins the generation after one that is closed. Undefined: somebody else has. */
async function goOn<C extends LedgerContext>(
  engine: Engine,
  kind: LedgerKind<C>,
  closed: Kept<C>,
): Promise<Kept<C> | undefined> {
  const now = engine.world.clock.now();
  const opened = opening(kind, closed, now);
  const next = freshOf(kind, closed.name, closed.generation + 1);
  if (!(await append(engine, kind, next, now, [opened]))) return undefined;
  fold(kind, next.actor, opened);
  // Also the one before, if whoever went on from it has died before it was erased.
  for (const old of [closed.generation, closed.generation - 1]) {
    if (old > 0) await engine.store.log.erase(ledgerId(kind.workflow, closed.name, old));
  }
  return next;
}

/**
 * Closes a generation that has become long, if the next could begin with what it carries over. True: what
 * was kept of it is out of date.
 */
export async function closeLong<C extends LedgerContext>(
  engine: Engine,
  kind: LedgerKind<C>,
  kept: Kept<C>,
): Promise<boolean> {
  if (kept.frames < kind.framesMax) return false;
  const now = engine.world.clock.now();
  try {
    const next = freshOf(kind, kept.name, kept.generation + 1);
    seal(engine, idOf(kind, next), next, now, [opening(kind, kept, now)]);
  } catch (error) {
    // Too many wait: it is tried again when it has become as long once more.
    if (!isMillraceError(error, "E_TOO_LARGE")) throw error;
    kept.frames = 0;
    return false;
  }
  await append(engine, kind, kept, now, [{ type: "ledger.closed", at: now }]);
  return true;
}
