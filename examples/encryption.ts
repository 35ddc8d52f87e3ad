/**
 * Encrypts everything that is recorded with AES-256-GCM, and changes the key without rewriting the log:
 * each codec is one key, the first writes, all read. Take a key away and what it wrote cannot be read.
 *
 *   node examples/encryption.ts
 *
 * Prints: written with k1, read with k2 and k1; in the file: nothing readable; without k1: E_FRAME_INVALID
 */
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type FrameCodec, isMillraceError, open, workflow } from "../src/index.ts";

const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** One key. What is encrypted is bound to the run (or other place) that it belongs to. */
function aes(keyId: string, key: Uint8Array): FrameCodec {
  return {
    id: `aes-${keyId}`,
    encode(body, place) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv("aes-256-gcm", key, nonce).setAAD(Buffer.from(place));
      return Buffer.concat([nonce, cipher.update(body), cipher.final(), cipher.getAuthTag()]);
    },
    decode(body, place) {
      const nonce = body.subarray(0, NONCE_BYTES);
      const decipher = createDecipheriv("aes-256-gcm", key, nonce).setAAD(Buffer.from(place));
      decipher.setAuthTag(body.subarray(body.length - TAG_BYTES));
      const text = body.subarray(NONCE_BYTES, body.length - TAG_BYTES);
      return Buffer.concat([decipher.update(text), decipher.final()]);
    },
  };
}

const secret = "attack at dawn ";
const plan = workflow("plan", (ctx, words: string) =>
  ctx.run("repeat", () => words.repeat(10_000)),
);
const [k1, k2] = [aes("k1", randomBytes(32)), aes("k2", randomBytes(32))];
const folder = mkdtempSync(join(tmpdir(), "millrace-encryption-"));
const store = `sqlite:${join(folder, "millrace.db")}`;

{
  await using first = await open({ store, workflows: [plan], codecs: [k1] });
  const run = await first.start(plan, secret, { id: "r1" });
  await run.signal("note", secret);
  await run.result();
}
const bytes = readdirSync(folder).map((file) => readFileSync(join(folder, file), "latin1"));
const readable = bytes.some((text) => text.includes(secret));

let again = false;
let code = "nothing";
{
  await using rotated = await open({ store, workflows: [plan], codecs: [k2, k1] });
  again = (await rotated.result("r1")) === secret.repeat(10_000);
  await (await rotated.start(plan, secret)).result();
  await using keyless = await open({ store, codecs: [k2] });
  const refused = await keyless.get("r1").catch((error: unknown) => error);
  if (isMillraceError(refused)) code = refused.code;
}
rmSync(folder, { recursive: true, force: true });
console.log(
  `written with k1, read with k2 and k1${again ? "" : " wrongly"}; in the file: ${readable ? "everything" : "nothing"} readable; without k1: ${code}`,
);
