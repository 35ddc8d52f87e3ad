/** Looking at a run as it is, or as it was at one of its moments. */
import type { Moment, When } from "../../engine/reading/moment.ts";
import type { Moments } from "../../engine/reading/moments.ts";
import { MillraceError } from "../../kernel/errors.ts";
import { checkId } from "../../kernel/ids.ts";
import { type Instant, instantMs, rfc3339 } from "../../kernel/instant.ts";
import { callOptions, wholeOption } from "../options.ts";
import { type StateView, stateView } from "./state-view.ts";

/** A moment of a run: right after the event with this `seq`, or right before the first one past a time. */
export type RunMoment = number | { readonly time: Instant };

/** @throws MillraceError `E_OPTION_INVALID` */
export function whenOf(what: string, moment: RunMoment): When {
  if (typeof moment === "number") return { seq: wholeOption(what, moment, 1) };
  const { time } = callOptions<{ time: Instant }>(what, moment, ["time"]);
  return { time: instantMs(`${what}.time`, time as Instant) };
}

/**
 * The run at that moment.
 * @throws MillraceError `E_RUN_NOT_FOUND`, `E_ID_INVALID`, `E_LOG_CORRUPT`, `E_FRAME_INVALID`
 */
export async function momentOf(moments: Moments, run: string, when: When): Promise<Moment> {
  const moment = await moments.at(checkId("run id", run), when);
  if (moment !== undefined && moment.state.cursor.seq > 0) return moment;
  const then = when !== "now" && "time" in when ? ` at ${rfc3339(when.time)}` : "";
  throw new MillraceError(
    "E_RUN_NOT_FOUND",
    `there is no run ${run} in this namespace${then}; \`millrace runs\` lists those that exist`,
    { details: { run } },
  );
}

/** See `Client.stateAt`. */
export async function stateAt(
  moments: Moments,
  run: string,
  moment: RunMoment,
): Promise<StateView> {
  return stateView(await momentOf(moments, run, whenOf("moment", moment)));
}
