/** The one place where the engine writes: a draft becomes a frame, and the frame is appended. */
import { type Frame, sealFrame } from "../../events/frame.ts";
import { MillraceError } from "../../kernel/errors.ts";
import type { Engine } from "../engine.ts";
import type { Draft } from "./draft.ts";

/**
 * Appends the draft as one frame. True: it is in the log, and the state's cursor stands behind it.
 * False: the run's log has moved on; nothing was written, and the draft's state must be thrown away.
 * @param inbox last inbox position taken, this frame included
 * @throws MillraceError `E_TOO_LARGE`; `E_COMMAND_REFUSED` while the run is being imported; whatever the log rejects with
 */
export async function commit(
  engine: Engine,
  draft: Draft,
  inbox: number,
  signal?: AbortSignal,
): Promise<boolean> {
  const { state, events, now } = draft;
  const { cursor } = state;
  if (cursor.partial) throw stillImported(state.id);
  const frame: Frame = {
    commit: engine.world.ids(),
    writer: { node: engine.node, epoch: hosting(draft, engine.node) },
    at: now,
    seq: cursor.seq - events.length + 1,
    inbox,
    events,
  };
  const sealed = sealFrame(state.id, cursor.sum, frame, engine.codec);
  const { workflow } = state.run.context;
  const append = { workflow, run: state.id, expected: cursor.head, bytes: sealed.bytes };
  const outcome = await engine.store.log.append(append, signal);
  if (!outcome.ok) return false;
  cursor.head = outcome.position;
  cursor.sum = sealed.sum;
  cursor.inbox = inbox;
  return true;
}

const stillImported = (run: string): MillraceError =>
  new MillraceError(
    "E_COMMAND_REFUSED",
    `only a part of run ${run} was imported; nothing is written to it before the rest is (\`millrace import\`)`,
    { details: { run } },
  );

/** The epoch in which this node hosts the run, or hosts it no more from this frame on; 0: it does not. */
function hosting({ state, events }: Draft, node: string): number {
  const { context } = state.run;
  const parks = events.some((event) => event.type === "run.parked");
  return context.node === node || parks ? context.epoch : 0;
}
