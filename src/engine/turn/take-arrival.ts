/** One input of a run's inbox, taken into the draft by what it is. */
import type { Draft } from "./draft.ts";
import { decodeInput } from "./input.ts";
import type { Arrival } from "./mail.ts";
import { takeInput } from "./take-input.ts";
import { takeRemoteNote, takeRemoteReport } from "./take-remote.ts";
import type { TurnContext } from "./turn-context.ts";

/** @param confirmed gets what is to be done once the commit stands */
export async function takeArrival(
  context: TurnContext,
  draft: Draft,
  { input }: Arrival,
  confirmed: (() => void)[],
): Promise<void> {
  const decoded = decodeInput(input.bytes);
  if (decoded === undefined) {
    draft.anomaly(
      "unreadable-input",
      `inbox position ${input.position} holds no input of millrace`,
    );
  } else if (decoded.kind === "report") takeRemoteReport(context, draft, decoded, confirmed);
  else if (decoded.kind === "note") takeRemoteNote(context, draft, decoded, confirmed);
  else await takeInput(context, draft, decoded);
}
