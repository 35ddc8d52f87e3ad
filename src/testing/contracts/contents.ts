/** Bytes that the cases of all ports store and read back. */
import assert from "node:assert/strict";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Text as bytes. */
export const encode = (text: string): Uint8Array => encoder.encode(text);
/** Bytes as text. */
export const decode = (bytes: Uint8Array): string => decoder.decode(bytes);

/** Each value that a byte can have, once. */
export const everyByte = (): Uint8Array => Uint8Array.from(Array(256).keys());

/** `size` bytes that differ for each `seed` and repeat with no short period. */
export function noise(size: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(size);
  let state = seed;
  for (let at = 0; at < size; at += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[at] = state >>> 24;
  }
  return bytes;
}

/** Bytes are compared by content, so that an adapter may hand out a `Buffer`. */
export function assertSameBytes(actual: Uint8Array | undefined, expected: Uint8Array): void {
  assert.ok(actual, "bytes are missing");
  assert.equal(actual.byteLength, expected.byteLength);
  assert.equal(Buffer.compare(actual, expected), 0, "the bytes differ");
}
