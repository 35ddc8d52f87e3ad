// The codec hook: encryption as an installation would add it, and what happens without its key.
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Frame, type FrameCodec, openFrame, sealFrame } from "../../src/events/frame.ts";
import type { MillraceError } from "../../src/kernel/errors.ts";
import { frames } from "../../src/testing/arbitraries/event-arbitraries.ts";
import { forge } from "./forge.ts";

const IV_BYTES = 12;
const TAG_BYTES = 16;

/** AES-256-GCM with the run as associated data: a ciphertext is good in its own run only. */
const aes = (key: Uint8Array): FrameCodec => ({
  id: "aes-256-gcm",
  encode(body, run) {
    const iv = randomBytes(IV_BYTES);
    const cipher = createCipheriv("aes-256-gcm", key, iv).setAAD(Buffer.from(run));
    const text = Buffer.concat([cipher.update(body), cipher.final()]);
    return Buffer.concat([iv, cipher.getAuthTag(), text]);
  },
  decode(body, run) {
    const tagged = IV_BYTES + TAG_BYTES;
    const decipher = createDecipheriv("aes-256-gcm", key, body.subarray(0, IV_BYTES))
      .setAAD(Buffer.from(run))
      .setAuthTag(body.subarray(IV_BYTES, tagged));
    return Buffer.concat([decipher.update(body.subarray(tagged)), decipher.final()]);
  },
});

const codec = aes(randomBytes(32));
const invalid = expect.objectContaining({ code: "E_FRAME_INVALID" }) as MillraceError;
const canary = "canary-7f3a";
const secret = (length: number): Frame => ({
  commit: "c",
  writer: { node: "n", epoch: 1 },
  at: 1,
  seq: 1,
  inbox: 0,
  events: [{ type: "user.noted", at: 1, name: "n", payload: { json: canary.repeat(length) } }],
});

describe("a codec", () => {
  it("transforms every frame and gives it back", () => {
    const property = fc.property(frames, (frame) => {
      const { bytes, sum } = sealFrame("r", "-", frame, codec);
      expect(openFrame("r", bytes, [codec])).toEqual({ frame, sum, prev: "-" });
    });
    fc.assert(property, { numRuns: 50 });
  });

  it.each([1, 10_000])("lets nothing of the content be seen (%d times the secret)", (length) => {
    const { bytes } = sealFrame("r", "-", secret(length), codec);
    expect(Buffer.from(bytes).includes(canary)).toBe(false);
    expect(openFrame("r", bytes, [codec]).frame).toEqual(secret(length));
    const names = length > 1_000 ? "deflate+aes-256-gcm" : "aes-256-gcm";
    expect(Buffer.from(bytes).toString("latin1")).toMatch(
      new RegExp(`^MR1 - ${names.replace("+", "\\+")} r\n`),
    );
  });

  it("is needed to read its frames, and named when it is missing", () => {
    const { bytes } = sealFrame("r", "-", secret(1), codec);
    expect(() => openFrame("r", bytes)).toThrow(invalid);
    expect(() => openFrame("r", bytes)).toThrow(/needs the codec "aes-256-gcm"/);
  });

  it("with the wrong key reads nothing", () => {
    const { bytes } = sealFrame("r", "-", secret(1), codec);
    expect(() => openFrame("r", bytes, [aes(randomBytes(32))])).toThrow(invalid);
  });

  it("bound to the run refuses a ciphertext that was moved into another", () => {
    const sealed = Buffer.from(sealFrame("r", "-", secret(1), codec).bytes);
    const body = sealed.subarray(sealed.indexOf(10) + 1, sealed.length - 22);
    const moved = forge({ run: "s", codecs: codec.id }, body);
    expect(() => openFrame("s", moved, [codec])).toThrow(invalid);
  });

  it("may be added later: frames written before are read without it", () => {
    const { bytes } = sealFrame("r", "-", secret(1));
    expect(openFrame("r", bytes, [codec]).frame).toEqual(secret(1));
  });

  it("may be replaced, as long as the old one is still configured", () => {
    const { bytes } = sealFrame("r", "-", secret(1), codec);
    const next: FrameCodec = { ...aes(randomBytes(32)), id: "aes-next" };
    expect(openFrame("r", bytes, [next, codec]).frame).toEqual(secret(1));
  });

  it.each([
    ["throws", (): Uint8Array => fail()],
    ["returns nothing", () => undefined as unknown as Uint8Array],
    ["returns text", () => "{}" as unknown as Uint8Array],
    ["returns half", (body: Uint8Array) => body.subarray(0, body.length >> 1)],
  ])("whose decode %s makes the frame invalid, not the program fail", (_what, decode) => {
    const broken: FrameCodec = { id: "broken", encode: (body) => body, decode };
    const { bytes } = sealFrame("r", "-", secret(1), broken);
    expect(() => openFrame("r", bytes, [broken])).toThrow(invalid);
  });
});

const fail = (): never => {
  throw new RangeError("a bug of the codec");
};
