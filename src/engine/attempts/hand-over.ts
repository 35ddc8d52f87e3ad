/**
 * From attempts that have ended to those that begin in the same commit: these take what those had. What is
 * left of it is free for others once the commit stands, and not before, so that at no event of the log more
 * is running on a node than it has.
 */
import { add, amountOf, NOTHING, type Resources, subtract } from "../../cluster/resources.ts";
import { attemptHere } from "../nodes/unrecorded.ts";
import type { Draft } from "../turn/draft.ts";
import type { Mail } from "../turn/mail.ts";
import type { Started } from "../turn/start-steps.ts";
import type { TurnContext } from "../turn/turn-context.ts";
import type { Taking } from "./taking.ts";

/** Of a commit: it is in the log, it never will be, or nobody here knows. */
export type CommitFate = "stands" | "refused" | "unknown";

/** What begins with a commit, and what becomes of all that was taken for it. */
export interface HandedOver extends Started {
  /**
   * To be called once, when it is known what became of the commit, or that this is not to be known.
   * @param begins what it says has begun will begin here
   */
  settle(fate: CommitFate, begins: boolean): void;
}

/** @param begin begins what can begin, with all that the reports among the mails tell the end of */
export function handOver(
  { cluster: { capacity, unrecorded }, placing }: TurnContext,
  { state }: Draft,
  mails: readonly Mail[],
  begin: () => Started,
): HandedOver {
  const ended = mails.flatMap((mail): Taking[] =>
    mail.kind === "report" && mail.taking !== undefined ? [mail.taking] : [],
  );
  const had = ended.reduce((sum, { takes }) => add(sum, takes), NOTHING);
  let left = had;
  const begun = capacity.atOnce(() => {
    capacity.release(had);
    try {
      return begin();
    } finally {
      left = leastOf(had, capacity.free);
      capacity.takeBack(left);
    }
  });
  const settle = (fate: CommitFate, begins: boolean): void =>
    capacity.atOnce(() => {
      for (const one of begins ? [] : begun.started) {
        if (fate === "refused") placing?.giveBack(one);
        // The log may say that it runs. Another node looks there itself.
        else if (one.grant === undefined) unrecorded.hold(attemptHere(state, one.step), one.takes);
      }
      if (fate !== "stands") return capacity.takeBack(subtract(had, left));
      capacity.release(left);
      for (const taking of ended) taking.passOn();
    });
  return { ...begun, settle };
}

/** Of each name the smaller amount. */
const leastOf = (one: Resources, other: Resources): Resources =>
  Object.fromEntries(
    Object.keys(one).map((name) => [name, Math.min(amountOf(one, name), amountOf(other, name))]),
  );
