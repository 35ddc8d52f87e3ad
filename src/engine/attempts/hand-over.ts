/**
 * From attempts that have ended to those that begin in the same commit: these take what those had. What is
 * left of it is free for others once the commit stands, and not before, so that at no event of the log more
 * is running on a node than it has.
 */
import { add, amountOf, NOTHING, type Resources, subtract } from "../../cluster/resources.ts";
import type { Mail } from "../turn/mail.ts";
import type { Started } from "../turn/start-steps.ts";
import type { TurnContext } from "../turn/turn-context.ts";
import type { Taking } from "./taking.ts";

/** What begins with a commit, and what becomes of all that was taken for it. */
export interface HandedOver extends Started {
  /**
   * To be called once, when it is known what became of the commit.
   * @param stands it is in the log
   * @param begins what it says has begun will begin here
   */
  settle(stands: boolean, begins: boolean): void;
}

/** @param begin begins what can begin, with all that the reports among the mails tell the end of */
export function handOver(
  { cluster: { capacity }, placing }: TurnContext,
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
  const settle = (stands: boolean, begins: boolean): void =>
    capacity.atOnce(() => {
      if (!begins) for (const one of begun.started) placing?.giveBack(one);
      if (!stands) return capacity.takeBack(subtract(had, left));
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
