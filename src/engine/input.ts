/** What others may tell a run, as bytes in its inbox. */
import type { Value } from "../../machines/values.ts";

export type Input =
  | { readonly kind: "signal"; readonly id: string; readonly name: string; readonly payload: Value }
  | { readonly kind: "cancel"; readonly id: string; readonly by: string; readonly reason: string }
  /** An operator's word on one step. */
  | {
      readonly kind: "step";
      readonly id: string;
      readonly step: string;
      readonly command: "cmd.cancel" | "cmd.skip";
      readonly reason: string;
    };

export const encodeInput = (input: Input): Uint8Array => Buffer.from(JSON.stringify(input));

/** The input in `bytes`; undefined when it is none (the host records an anomaly and goes on). */
export function decodeInput(bytes: Uint8Array): Input | undefined {
  let raw: unknown;
  try {
    raw = JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  if (typeof raw !== "object" || raw === null) return undefined;
  const input = raw as Readonly<Record<string, unknown>>;
  const known = typeof input["kind"] === "string" ? fields[input["kind"]] : undefined;
  if (known === undefined) return undefined;
  const whole = Object.entries(known).every(([name, type]) => typeof input[name] === type);
  return whole ? (raw as Input) : undefined;
}

const fields: Readonly<Record<string, Readonly<Record<string, "string" | "object">>>> = {
  signal: { id: "string", name: "string", payload: "object" },
  cancel: { id: "string", by: "string", reason: "string" },
  step: { id: "string", step: "string", command: "string", reason: "string" },
};
