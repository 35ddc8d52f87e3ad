/**
 * Values of one node as files in a folder that ends with the node. A process that was killed leaves its
 * folder behind; whoever makes the next one beside it takes that away.
 */
import { createHash } from "node:crypto";
import { mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MillraceError } from "../kernel/errors.ts";
import type { Ids } from "../kernel/ids.ts";
import type { KeptValue } from "../ports/node-values.ts";
import { isGone, type ProcessIdentity, thisProcess } from "./process-identity.ts";

/** Of what is read; written pieces may have any size. */
export const PIECE_BYTES = 256 * 1024;

/** SHA-256 as base64url. Anything else is no digest, and must not become the name of a file. */
const DIGEST = /^[A-Za-z0-9_-]{43}$/;
const OWNER = "owner.json";

/** Where folders lie when no place of the store's own is at hand: one per user of this machine. */
export const temporaryParent = (): string =>
  join(tmpdir(), `millrace-values-${process.getuid?.() ?? "user"}`);

/** The folder of one node: made with its first value, removed when it is closed. */
export class ValueFolder {
  readonly #parent: string;
  readonly #path: string;
  readonly #ids: Ids;
  #made: Promise<void> | undefined;
  #closed = false;

  /** @param name what others look for; several folders may have it, and nothing is made before a value comes */
  constructor(parent: string, name: string, ids: Ids) {
    this.#parent = parent;
    this.#path = join(parent, `${name}.${ids()}`);
    this.#ids = ids;
  }

  async keep(pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<KeptValue> {
    this.check();
    this.#made ??= this.#make().catch((error: unknown) => {
      this.#made = undefined;
      throw unwritable(this.#path, error);
    });
    await this.#made;
    const path = join(this.#path, `new.${this.#ids()}`);
    const hash = createHash("sha256");
    let bytes = 0;
    const file = await open(path, "wx", 0o600).catch((error: unknown) => {
      throw unwritable(path, error);
    });
    try {
      for await (const piece of pieces) {
        hash.update(piece);
        bytes += piece.length;
        await file.writeFile(piece).catch((error: unknown) => {
          throw unwritable(path, error);
        });
      }
    } catch (error) {
      await file.close();
      await rm(path, { force: true });
      throw error;
    }
    await file.close();
    this.check();
    const digest = hash.digest("base64url");
    await rename(path, join(this.#path, digest));
    return { digest, bytes };
  }

  /** The path of a kept value; undefined if it is not there. */
  async find(digest: string): Promise<string | undefined> {
    this.check();
    return DIGEST.test(digest) ? ifThere(join(this.#path, digest)) : undefined;
  }

  async drop(digest: string): Promise<boolean> {
    const path = await this.find(digest);
    if (path !== undefined) await rm(path, { force: true });
    return path !== undefined;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    // Whoever asked for the folder was told that it could not be made; here it only must be settled.
    await Promise.allSettled([this.#made]);
    await rm(this.#path, { recursive: true, force: true });
  }

  /** @throws MillraceError `E_STORE_CLOSED` */
  check(): void {
    if (!this.#closed) return;
    throw new MillraceError("E_STORE_CLOSED", "the values are closed; open the store again");
  }

  async #make(): Promise<void> {
    await mkdir(this.#path, { recursive: true, mode: 0o700 });
    // Under its name only when it is whole: others read it at any time.
    const draft = join(this.#path, this.#ids());
    await writeFile(draft, JSON.stringify(thisProcess()), { mode: 0o600 });
    await rename(draft, join(this.#path, OWNER));
    for (const { path, owner } of await folders(this.#parent)) {
      if (isGone(owner)) await rm(path, { recursive: true, force: true });
    }
  }
}

/** The path of a value that any living process keeps in a folder of this name. */
export async function findBeside(
  parent: string,
  name: string,
  digest: string,
): Promise<string | undefined> {
  if (!DIGEST.test(digest)) return undefined;
  for (const { path, entry, owner } of await folders(parent)) {
    if (!entry.startsWith(`${name}.`) || isGone(owner)) continue;
    const found = await ifThere(join(path, digest));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The bytes of a file, which is open only while they are read. Rejects with `lost` if it is gone. */
export async function* piecesOf(
  path: string,
  lost: () => MillraceError,
): AsyncGenerator<Uint8Array, void, undefined> {
  const file = await unlessMissing(open(path, "r"));
  if (file === undefined) throw lost();
  try {
    for (;;) {
      const piece = new Uint8Array(PIECE_BYTES);
      const { bytesRead } = await file.read(piece, 0, PIECE_BYTES, null);
      if (bytesRead === 0) return;
      yield piece.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

const unwritable = (path: string, cause: unknown): MillraceError =>
  new MillraceError(
    "E_STORE_UNAVAILABLE",
    `${path} cannot be written (${String(cause)}); free space there, or make the folder writable`,
    { cause },
  );

interface Folder {
  /** Its name, and what tells it from others of that name. */
  readonly entry: string;
  readonly path: string;
  readonly owner: ProcessIdentity;
}

/** Those that are fully made; the others are being made or removed right now. */
async function folders(parent: string): Promise<readonly Folder[]> {
  const found: Folder[] = [];
  for (const entry of (await unlessMissing(readdir(parent))) ?? []) {
    const path = join(parent, entry);
    const text = await unlessMissing(readFile(join(path, OWNER), "utf8"));
    if (text) found.push({ entry, path, owner: JSON.parse(text) as ProcessIdentity });
  }
  return found;
}

const ifThere = async (path: string): Promise<string | undefined> =>
  (await unlessMissing(stat(path))) && path;

/** What a reading gives, or undefined when there is no such file. */
export async function unlessMissing<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw error;
  }
}
