/** Frames as something else than millrace might write them: any header, any body, and a sum that fits. */
import { hash } from "node:crypto";

export interface Forgery {
  readonly run: string;
  readonly magic?: string;
  readonly prev?: string;
  readonly codecs?: string;
}

export function forge(
  { run, magic = "MR1", prev = "-", codecs = "plain" }: Forgery,
  body: unknown,
) {
  const bytes = body instanceof Uint8Array ? body : Buffer.from(JSON.stringify(body) ?? "");
  const open = Buffer.concat([Buffer.from(`${magic} ${prev} ${codecs} ${run}\n`), bytes]);
  const sum = hash("sha256", open, "base64url").slice(0, 22);
  return Buffer.concat([open, Buffer.from(sum)]);
}
