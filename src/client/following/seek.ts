/** Finds a place in the log by what its frames say, without reading all of them. */
import type { Engine } from "../../engine/engine.ts";
import { type Opened, openFrame } from "../../events/frame.ts";
import { isMillraceError } from "../../kernel/errors.ts";
import type { LogScope, Position } from "../../ports/event-log.ts";
import type { Stretch } from "./stretch.ts";

/** A stretch of so many frames is read through rather than halved once more. */
const NEAR = 256;
/** Damaged frames of other runs are passed over, so many in a row. */
const PASSED_OVER = 16;

/**
 * A position at or before which every frame of the stretch is early, and from which it is not far to the
 * first that is not. By halving, so `isEarly` should never be true again once it was not; where it is
 * (clocks differ), some such border is found.
 * @throws MillraceError `E_FRAME_INVALID` for a damaged frame, if the scope is one run
 */
export async function seek(
  engine: Engine,
  scope: LogScope,
  stretch: Stretch,
  isEarly: (opened: Opened) => boolean,
): Promise<Position> {
  let low = 0;
  let high = stretch.end;
  while (high - low > NEAR * stretch.step) {
    const middle = low + Math.floor((high - low) / 2);
    const next = await nextFrame(engine, scope, stretch, middle);
    if (next !== undefined && next.position < high && isEarly(next.opened)) low = next.position;
    else high = middle;
  }
  return low;
}

/** The first frame past a position that can be opened. */
async function nextFrame(
  { store, codecs }: Engine,
  scope: LogScope,
  stretch: Stretch,
  after: Position,
): Promise<{ readonly position: Position; readonly opened: Opened } | undefined> {
  const limit = scope.run === undefined ? PASSED_OVER : 1;
  const range = { ...scope, ...stretch.past(after), limit };
  for await (const { run, bytes, position } of store.log.read(range)) {
    try {
      return { position, opened: openFrame(run, bytes, codecs) };
    } catch (error) {
      if (scope.run !== undefined || !isMillraceError(error, "E_FRAME_INVALID")) throw error;
    }
  }
  return undefined;
}
