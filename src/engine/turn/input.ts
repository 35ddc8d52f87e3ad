/** What others may tell a run, as bytes in its inbox. */
import type { Decision } from "../../../machines/approval.ts";
import type { Failure, Value } from "../../../machines/values.ts";
import type { Resources } from "../../cluster/resources.ts";
import { isDecision, isFailure } from "../../events/shapes.ts";
import { limits } from "../../kernel/limits.ts";
import type { AttemptOutcome } from "../attempts/attempt.ts";
import type { Noted } from "../attempts/noted.ts";

/** What an operator may say about one step. */
export const stepOrders = ["cmd.cancel", "cmd.skip", "cmd.retry", "cmd.give_up"] as const;

/** One thing that a run is told from outside. `at`: when it was sent (ms since the epoch). */
export type Input = {
  readonly id: string;
  readonly at?: number;
} & ( // A signal with a `decision` decides the approval of that name.
  | {
      readonly kind: "signal";
      readonly name: string;
      readonly payload: Value;
      readonly decision?: Decision;
    }
  /** `graceMs`: how long steps may take to end by themselves; absent: as the run's plan says. */
  | {
      readonly kind: "cancel";
      readonly by: string;
      readonly reason: string;
      readonly graceMs?: number;
      /** Only if the run is a child of this one: its parent asks. */
      readonly parent?: string;
    }
  | {
      readonly kind: "terminate" | "pause" | "resume";
      readonly by: string;
      readonly reason: string;
    }
  /** How a child run has ended: with an output, or with what kept it from one. */
  | {
      readonly kind: "child";
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
  | ({ readonly kind: "note"; readonly noted: Noted } & OfAttempt)
  | StepOrder
);

/** Who says it, and about which attempt: that of this grant. */
interface OfAttempt {
  readonly node: string;
  readonly step: string;
  readonly attempt: number;
  readonly grant: string;
}

/** An operator's word on one step. */
export interface StepOrder {
  readonly kind: "step";
  readonly step: string;
  readonly command: (typeof stepOrders)[number];
  readonly reason: string;
  readonly by?: string;
  /** `cmd.skip`: what others get in place of its result. */
  readonly output?: Value;
  /** `cmd.retry`: how many attempts more (absent: as many as its policy gives), and with which input. */
  readonly attempts?: number;
  readonly input?: Value;
}

/** The value that an input carries, if it does. */
export function valueOfInput(input: Input | undefined): Value | undefined {
  if (input?.kind === "signal") return input.payload;
  if (input?.kind === "child") return input.output;
  return input?.kind === "report" && input.outcome.ok ? input.outcome.output : undefined;
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
  const whole =
    fields.length > 0 && [...always, ...fields].every(([name, fits]) => fits(raw[name]));
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

/** What a step has returned that only its node has. */
const isKept = (found: unknown): boolean =>
  isRecord(found) &&
  Number.isSafeInteger(found["bytes"]) &&
  ["kept", "node", "step"].every((key) => isText(found[key]));

const isStepOrder = (found: unknown): boolean => stepOrders.some((order) => order === found);

const isCount = (found: unknown): boolean => Number.isSafeInteger(found) && Number(found) >= 0;

const isAttempts = (found: unknown): boolean =>
  Number.isSafeInteger(found) && Number(found) >= 1 && Number(found) <= limits.attemptsMax;

const orNot =
  (fits: Field[1]) =>
  (found: unknown): boolean =>
    found === undefined || fits(found);
const RETRIES: readonly unknown[] = ["policy", "never", "lost"];

const isOutcome = (found: unknown): boolean => {
  if (!isRecord(found)) return false;
  const { ok, output, error, retry, afterMs } = found;
  if (ok === true) return isPayload(output) || isKept(output);
  return isFailure(error) && RETRIES.includes(retry) && (afterMs === undefined || isCount(afterMs));
};

/** What every input has. */
const always: readonly Field[] = [
  ["id", isText],
  ["at", orNot(Number.isFinite)],
];

/** What somebody asks of the run as a whole. */
const request: readonly Field[] = [
  ["by", isText],
  ["reason", isText],
  ["parent", orNot(isText)],
];

const ofAttempt: readonly Field[] = [
  ["node", isText],
  ["step", isText],
  ["attempt", isCount],
  ["grant", isText],
];

const forms: { readonly [K in Input["kind"]]: readonly Field[] } = {
  signal: [
    ["name", isText],
    ["payload", isPayload],
    ["decision", (found) => found === undefined || isDecision(found)],
  ],
  cancel: [...request, ["graceMs", orNot(isCount)]],
  terminate: request,
  pause: request,
  resume: request,
  step: [
    ["step", isText],
    ["command", isStepOrder],
    ["reason", isText],
    ["by", orNot(isText)],
    ["output", orNot(isPayload)],
    ["attempts", orNot(isAttempts)],
    ["input", orNot(isPayload)],
  ],
  child: [
    ["parent", isText],
    ["step", isText],
    ["run", isText],
    ["output", orNot(isPayload)],
    ["error", isFailure],
  ],
  report: [...ofAttempt, ["outcome", isOutcome], ["free", isRecord]],
  note: [...ofAttempt, ["noted", isRecord]],
};
