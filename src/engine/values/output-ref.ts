/** Refs of outputs, for steps and stores alike. */
import { hash } from "node:crypto";

const HEX_DIGITS = 20;

/**
 * The ref that belongs to `seed`: `out-` and 20 lower-case hex digits, 80 bits of its SHA-256. A new id
 * gives a new ref; the same seed the same ref, in any process, which is how a repeated append is
 * recognised. (The seed system's 10 digits were unique in one process; these are in a whole log: a
 * billion outputs meet with a chance of 1 in 2 million.)
 */
export const outputRef = (seed: string): string =>
  `out-${hash("sha256", seed, "hex").slice(0, HEX_DIGITS)}`;
