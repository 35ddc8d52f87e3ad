/**
 * Old frames, lifted to the form this code understands. An entry per version that was ever written;
 * recorded frames are never rewritten.
 */
import { MillraceError } from "../kernel/errors.ts";

type Lift = (frame: Record<string, unknown>) => Record<string, unknown>;

/** From version n to n + 1. */
const lifts: Readonly<Record<number, Lift>> = {};

/**
 * `raw` as a frame of version `current`.
 * @throws MillraceError `E_FRAME_INVALID` for no version, an unknown one, or one newer than this code
 */
export function upcast(raw: unknown, current: number, known = lifts): Record<string, unknown> {
  if (typeof raw !== "object" || raw === null) throw refuse("the frame is not an object");
  let frame = raw as Record<string, unknown>;
  if (!Number.isSafeInteger(frame["v"])) throw refuse("the frame names no version");
  while ((frame["v"] as number) < current) {
    const version = frame["v"] as number;
    const lift = known[version];
    if (lift === undefined) throw refuse(`nothing lifts a frame of version ${version}`);
    frame = { ...lift(frame), v: version + 1 };
  }
  if (frame["v"] !== current) {
    throw refuse(
      `the frame has version ${String(frame["v"])}, this code knows ${current}; update millrace here`,
    );
  }
  return frame;
}

const refuse = (what: string): MillraceError => new MillraceError("E_FRAME_INVALID", what);
