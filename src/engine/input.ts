/** What others may tell a run, as bytes in its inbox. */
import type { Decision } from "../../machines/approval.ts";
import type { Failure, Value } from "../../machines/values.ts";
import type { Resources } from "../cluster/resources.ts";
import { isDecision, isFailure } from "../events/shapes.ts";
import { limits } from "../kernel/limits.ts";
import type { AttemptOutcome } from "./attempt.ts";
import type { Noted } from "./noted.ts";

/** One thing that a run is told from outside. */
export type Input =
  | {
      readonly kind: "signal";
      readonly id: string;
      readonly name: string;
      readonly payload: Value;
      /** It decides the approval of that name. */
      readonly decision?: Decision;
    }
  | {
      readonly kind: "cancel" | "pause" | "resume";
      readonly id: string;
      readonly by: string;
      readonly reason: string;
      /** Only if the run is a child of this one: its parent asks. */
      readonly parent?: string;
    }
  /** An operator's word on one step. */
  | {
      readonly kind: "step";
      readonly id: string;
      readonly step: string;
      readonly command: "cmd.cancel" | "cmd.skip";
      readonly reason: string;
    }
  /** How a child run has ended: with an output, or with what kept it from one. */
  | {
      readonly kind: "child";
      readonly id: string;
      /** The parent that it is for, and the step of it that the child is. */
      readonly parent: string;
      readonly step: string;
      /** The child run, or the first of its chain. */
      readonly run: string;
      readonly output?: Value;
      readonly error?: Failure;
    }
  /** An attempt on another node has ended. `free`: what that node has free now. */
  | ({
      readonly kind: "report";
      readonly outcome: AttemptOutcome;
      readonly free: Resources;
    } & OfAttempt)
  /** An attempt on another node wants something recorded. */
  | ({ readonly kind: "note"; readonly noted: Noted } & OfAttempt);

/** Who says it, and about which attempt: that of this grant. */
interface OfAttempt {
  readonly id: string;
  readonly node: string;
  readonly step: string;
  readonly attempt: number;
  readonly grant: string;
}

/** The input as bytes for an inbox. */
export const encodeInput = (input: Input): Uint8Array => Buffer.from(JSON.stringify(input));

/**
 * The input in `bytes`; undefined when it is none (the host records an anomaly and goes on). Whoever may
 * write to the inbox could put anything there: what is taken must not be able to harm the run's log.
 */
export function decodeInput(bytes: Uint8Array): Input | undefined {
  if (bytes.length > limits.frameBytesTarget) return undefined;
  let raw: unknown;
  try {
    raw = JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  if (!isRecord(raw)) return undefined;
  const fields = Object.entries(forms).find(([kind]) => kind === raw["kind"])?.[1] ?? [];
  const whole = fields.length > 0 && fields.every(([name, fits]) => fits(raw[name]));
  return whole ? (raw as unknown as Input) : undefined;
}

type Field = readonly [name: string, fits: (found: unknown) => boolean];

const isRecord = (found: unknown): found is Readonly<Record<string, unknown>> =>
  typeof found === "object" && found !== null && !Array.isArray(found);

const isText = (found: unknown): boolean => typeof found === "string";

/** A value that came from outside: it refers to no steps of the run. */
const isPayload = (found: unknown): boolean =>
  isRecord(found) &&
  ("json" in found ||
    (isText(found["blob"]) && Number.isSafeInteger(found["bytes"]) && !("items" in found)));

const isOptional =
  (fits: (found: unknown) => boolean) =>
  (found: unknown): boolean =>
    found === undefined || fits(found);
const isCount = (found: unknown): boolean => Number.isSafeInteger(found) && Number(found) >= 0;

const RETRIES: readonly unknown[] = ["policy", "never", "lost"];

const isOutcome = (found: unknown): boolean => {
  if (!isRecord(found)) return false;
  const { ok, output, error, retry, afterMs } = found;
  if (ok === true) return isPayload(output);
  return isFailure(error) && RETRIES.includes(retry) && (afterMs === undefined || isCount(afterMs));
};

const isStepCommand = (found: unknown): boolean => found === "cmd.cancel" || found === "cmd.skip";

/** What somebody asks of the run as a whole. */
const request: readonly Field[] = [
  ["id", isText],
  ["by", isText],
  ["reason", isText],
  ["parent", isOptional(isText)],
];

const ofAttempt: readonly Field[] = [
  ["id", isText],
  ["node", isText],
  ["step", isText],
  ["attempt", isCount],
  ["grant", isText],
];

const forms: { readonly [K in Input["kind"]]: readonly Field[] } = {
  signal: [
    ["id", isText],
    ["name", isText],
    ["payload", isPayload],
    ["decision", (found) => found === undefined || isDecision(found)],
  ],
  cancel: request,
  pause: request,
  resume: request,
  step: [
    ["id", isText],
    ["step", isText],
    ["command", isStepCommand],
    ["reason", isText],
  ],
  child: [
    ["id", isText],
    ["parent", isText],
    ["step", isText],
    ["run", isText],
    ["output", isOptional(isPayload)],
    ["error", isFailure],
  ],
  report: [...ofAttempt, ["outcome", isOutcome], ["free", isRecord]],
  note: [...ofAttempt, ["noted", isRecord]],
};
