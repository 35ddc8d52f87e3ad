/** Randomness, as a port: backoff jitter, ids and sampling all draw from one `Random`. */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
}

/** The runtime's own generator: not reproducible, not for secrets. */
export const systemRandom: Random = { next: () => Math.random() };

/**
 * A reproducible generator: one seed, one sequence, on every platform.
 * Algorithm: mulberry32 (Tommy Ettinger, public domain), 32 bits of state.
 */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return {
    next() {
      state = (state + 0x6d2b79f5) >>> 0;
      let mixed = Math.imul(state ^ (state >>> 15), state | 1);
      mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
    },
  };
}
