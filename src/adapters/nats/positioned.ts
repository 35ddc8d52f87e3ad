/** Bytes with a position before them: eight bytes, the highest first. */

/** Bytes with a log position before them: the body of a ticket. */
export interface Positioned {
  readonly position: number;
  readonly bytes: Uint8Array;
}

const POSITION_BYTES = 8;

/** The body of a ticket that carries its run's first frame. */
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
