/**
 * Arbitraries for what events and commands are made of. Fields come mostly from small ranges, so that
 * random sequences meet each other (the same timer, the running attempt), and now and then from anywhere.
 */
import fc from "fast-check";
import type { ApprovalRequest, Decision } from "../../../machines/approval.ts";
import type { Placement } from "../../../machines/placement.ts";
import type { Failure, Value } from "../../../machines/values.ts";
import type { Plan, RetryPolicy, StepPlace } from "../../domain/plan.ts";
import { ID_PATTERN } from "../../kernel/ids.ts";
import { digest } from "../../kernel/json.ts";

/** Names that an object inherits are among them. */
export const ids: fc.Arbitrary<string> = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom("a", "b", "c") },
  { weight: 1, arbitrary: fc.constantFrom("constructor", "toString", "hasOwnProperty", "0") },
  { weight: 1, arbitrary: fc.stringMatching(ID_PATTERN) },
);
/** Milliseconds. */
export const times: fc.Arbitrary<number> = fc.oneof(
  { weight: 6, arbitrary: fc.nat(60) },
  { weight: 1, arbitrary: fc.maxSafeNat() },
);
/** A time, or none. */
export const timesOrNone: fc.Arbitrary<number | null> = fc.option(times);
/** Small whole numbers: attempts, epochs, lengths. */
export const counts: fc.Arbitrary<number> = fc.oneof(
  { weight: 6, arbitrary: fc.nat(3) },
  { weight: 1, arbitrary: fc.nat() },
);
/** Short text of any characters. */
export const text: fc.Arbitrary<string> = fc.string({ unit: "grapheme", maxLength: 12 });

const digests = text.map(digest);

const simple: fc.Arbitrary<Value> = fc.oneof(
  fc.record({ json: fc.jsonValue({ maxDepth: 3 }) }),
  fc.record({ blob: digests, bytes: fc.nat() }),
  fc.record({ kept: digests, bytes: fc.nat(), node: ids, step: ids }),
  fc.record({ items: counts, of: ids }),
);

/** A recorded value, of each form. */
export const values: fc.Arbitrary<Value> = fc.oneof(
  { weight: 6, arbitrary: simple },
  { weight: 1, arbitrary: fc.record({ list: fc.array(simple, { maxLength: 2 }) }) },
);

/** A recorded failure, with causes. */
export const failures: fc.Arbitrary<Failure> = fc.letrec<{ failure: Failure }>((tie) => ({
  failure: fc.record(
    {
      code: text,
      message: text,
      stack: text,
      cause: fc.oneof({ maxDepth: 2 }, tie("failure"), tie("failure")),
    },
    { requiredKeys: ["code", "message"] },
  ),
})).failure;

/** What an approval asks. */
export const approvals: fc.Arbitrary<ApprovalRequest> = fc.record(
  {
    prompt: text,
    approvers: fc.array(ids, { maxLength: 2 }),
    onTimeout: fc.constantFrom("reject", "approve", "fail"),
  },
  { requiredKeys: ["prompt", "onTimeout"] },
);

/** What somebody decided. */
export const decisions: fc.Arbitrary<Decision> = fc.record(
  { approved: fc.boolean(), by: ids, comment: text },
  { requiredKeys: ["approved", "by"] },
);

/** What steps that no plan declares say of where they may run. */
export const places: fc.Arbitrary<StepPlace> = fc.record(
  { resources: fc.dictionary(ids, counts, { maxKeys: 2 }), node: ids },
  { requiredKeys: [] },
);

/** Why an attempt runs where it does, with made-up requests and nodes. */
export const placements: fc.Arbitrary<Placement> = fc.record(
  {
    strategy: ids,
    reason: text,
    request: fc.record({ step: ids, resources: fc.dictionary(ids, counts, { maxKeys: 2 }) }),
    nodes: fc.array(fc.record({ id: ids }), { maxLength: 2 }),
    recent: fc.array(ids, { maxLength: 2 }),
  },
  { requiredKeys: ["strategy", "reason", "request", "nodes"] },
);

/** Retry policies within the documented options, the odd corners included. */
export const retryPolicies: fc.Arbitrary<RetryPolicy> = fc.record({
  maxAttempts: fc.oneof(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 1_000 })),
  initialMs: fc.oneof(fc.constant(0), fc.nat(10_000)),
  factor: fc.oneof(fc.integer({ min: 1, max: 100 }), fc.double({ min: 1, max: 100, noNaN: true })),
  maxMs: fc.nat(600_000),
  jitter: fc.double({ min: 0, max: 1, noNaN: true }),
});

/** Plans of code workflows, as runs are created with. */
export const plans: fc.Arbitrary<Plan> = fc.record(
  {
    kind: fc.constant("code" as const),
    version: digests,
    label: ids,
    retryBudget: fc.nat(10),
    declares: fc.array(ids, { maxLength: 2 }),
  },
  { requiredKeys: ["kind", "version", "retryBudget"] },
);
