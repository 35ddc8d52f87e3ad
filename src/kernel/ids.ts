/**
 * Ids: how they are made, and which are accepted from users. An id becomes part of a NATS subject
 * and of file names, so nothing but the characters below ever gets past `checkId`: a run called `*`
 * would otherwise read, and delete, every other run.
 */
import { customAlphabet, customRandom } from "nanoid";
import { MillraceError } from "./errors.ts";
import type { Random } from "./random.ts";

const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/** 20 characters of 62: 119 random bits. */
const LENGTH = 20;

/** What an id given by a user must look like: 1 to 128 of `A-Z a-z 0-9 _ -`, first a letter or digit. */
export const ID_PATTERN = /^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$/;

/** Ids of millrace's own records, which lie in the log beside runs: nothing else may be called that. */
const RECORD_PATTERN = /^millrace-(?:gate|schedule)(?:-|$)/;

/** Whether a run id or workflow name is one of millrace's own records. */
export const isRecordId = (id: string): boolean => RECORD_PATTERN.test(id);

/**
 * Returns `value` if it is an id that can be given to something new.
 * @throws MillraceError `E_ID_INVALID`
 */
export function checkNewId(what: string, value: unknown): string {
  const id = checkId(what, value);
  if (!isRecordId(id)) return id;
  throw new MillraceError(
    "E_ID_INVALID",
    `${what} ${id} is kept for millrace's own records; choose one that does not begin like that`,
    { details: { what } },
  );
}

/** Makes ids that match `ID_PATTERN`; each call gives a new one. */
export type Ids = () => string;

/** Ids from the operating system's secure randomness. */
export const systemIds: Ids = customAlphabet(ALPHABET, LENGTH);

/** Ids drawn from `random`, for a system that must run the same twice. */
export const seededIds = (random: Random): Ids =>
  customRandom(ALPHABET, LENGTH, (bytes) =>
    Uint8Array.from({ length: bytes }, () => Math.floor(random.next() * 256)),
  );

/**
 * Returns `value` if it is a usable id.
 * @param what what the id names, for the message: "run id", "step name", "namespace" …
 * @throws MillraceError `E_ID_INVALID`
 */
export function checkId(what: string, value: unknown): string {
  if (typeof value === "string" && ID_PATTERN.test(value)) return value;
  const shown = typeof value === "string" ? JSON.stringify(value.slice(0, 64)) : typeof value;
  throw new MillraceError(
    "E_ID_INVALID",
    `${what} ${shown} is not usable: 1 to 128 characters of A-Z a-z 0-9 _ -, the first a letter or a digit`,
    { details: { what } },
  );
}
