/** Bytes with a position before them: eight bytes, the highest first. */
import type { Ticket } from "../../ports/work-queue.ts";

/** A log position with bytes that belong to it. */
export interface Positioned {
  readonly position: number;
  readonly bytes: Uint8Array;
}

const POSITION_BYTES = 8;

/** The position, then the bytes: tickets and saved views are kept so. */
export function withPosition(position: number, bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(POSITION_BYTES + bytes.length);
  new DataView(out.buffer).setBigUint64(0, BigInt(position));
  out.set(bytes, POSITION_BYTES);
  return out;
}

/** The reverse; the bytes are a copy. Undefined for what was not written so. */
export function positioned(data: Uint8Array): Positioned | undefined {
  if (data.length < POSITION_BYTES) return undefined;
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  return {
    position: Number(view.getBigUint64(0)),
    bytes: new Uint8Array(data.subarray(POSITION_BYTES)),
  };
}

/** Larger hints are dropped: a claimer then reads the log, which costs less than carrying them. */
const HINT_BYTES_MAX = 64 * 1024;

/** What a ticket's message holds: its hint, if there is a small one. */
export function ticketBody({ hint }: Ticket): Uint8Array {
  return hint === undefined || hint.bytes.length > HINT_BYTES_MAX
    ? new Uint8Array(0)
    : withPosition(hint.position, hint.bytes);
}
