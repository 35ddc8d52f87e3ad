/**
 * Ids of runs that other runs begin: derived, so that whoever begins them again comes to the same id. They
 * can be read, and end in a hash, so that nobody else's id is like them.
 */
import { canonicalJson, digest, type Json } from "../kernel/json.ts";

const READABLE_CHARS_MAX = 100;
/** 72 bits. */
const HASH_CHARS = 12;

/**
 * The run that does the work of a step of `parent`.
 * @param attempt 2 and more: the step was tried again by hand, with a run of its own each time
 */
export const childRunId = (parent: string, step: string, attempt: number): string =>
  derivedId(`${parent}-${step}`, [parent, step, attempt]);

/** The `index`-th run of the chain that `first` began. */
export const nextRunId = (first: string, index: number): string =>
  derivedId(`${first}-${index}`, [first, index]);

function derivedId(text: string, parts: Json): string {
  const readable = text.replaceAll(/[^A-Za-z0-9_-]+/g, "_").slice(0, READABLE_CHARS_MAX);
  return `${readable}-${digest(canonicalJson(parts)).slice(0, HASH_CHARS)}`;
}
