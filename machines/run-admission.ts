/**
 * What stands before the beginning of a run: a time, the leave of its gate, further starts that are to
 * become the same run. A run that has none of these begins as soon as somebody hosts it.
 */
import type { Admission } from "./gate-data.ts";
import type { Value } from "./values.ts";

/** How several starts become one run. */
export interface Gather {
  /** `debounce`: the newest input counts. `batch`: the run gets the list of inputs. */
  readonly by: "debounce" | "batch";
  readonly key: string;
  /** Id of the start that it was made for. */
  readonly start: string;
}

/** What `run.created` says about the beginning. */
export interface Beginning {
  /** It does not begin before this. */
  notBefore?: number;
  /** It does not begin before it is admitted. */
  admission?: Admission;
  /** Until somebody claims it, starts with the same key are put into it. */
  gather?: Gather;
}

/** What a run that was started by the name of its workflow learns about its beginning from its host. */
export type Entry = Pick<Beginning, "admission">;

/** What can happen to a run before it begins. */
export type AdmissionEvent =
  /** Another start was put into it: its input replaces the last (debounce) or is added to it (batch). */
  | {
      type: "run.gathered";
      at: number;
      start: string;
      input: Value;
      notBefore: number;
      deadline?: number;
    }
  /** It may begin: its time has come, and its gate has let it in. */
  | { type: "run.admitted"; at: number };

/** What can be asked of a run before it begins. */
export type AdmissionCommand =
  | {
      type: "cmd.gather";
      now: number;
      start: string;
      input: Value;
      notBefore: number;
      deadline?: number;
    }
  | { type: "cmd.admit"; now: number };

/** What a run remembers of its beginning. */
export interface AdmissionContext {
  notBefore: number | null;
  admission: Admission | null;
  gather: Gather | null;
  /** When each start came that was put into it, by its id. */
  gathered: Record<string, number>;
  /** When it was let in. */
  admittedAt: number | null;
}

/** Before anything is known. */
export const admissionContext = (): AdmissionContext => ({
  notBefore: null,
  admission: null,
  gather: null,
  gathered: {},
  admittedAt: null,
});

/** True for a run that is to begin later, or by leave of its gate, and was not let in yet. */
export const holdsBack = ({ notBefore, admission, admittedAt }: AdmissionContext): boolean =>
  (notBefore !== null || admission !== null) && admittedAt === null;

/** Takes over what `run.created` says. */
export function beginLater(
  context: AdmissionContext & { input: Value },
  { at, notBefore, admission, gather }: Beginning & { readonly at: number },
): void {
  context.notBefore = notBefore ?? null;
  context.admission = admission ?? null;
  context.gather = gather ?? null;
  if (gather !== undefined) context.gathered[gather.start] = at;
  if (gather?.by === "batch") context.input = { list: [context.input] };
}

/** The part of the run's recipe that is about its beginning. */
export function letIn(
  context: AdmissionContext & { input: Value; deadline: number | null },
  event: AdmissionEvent,
): void {
  if (event.type === "run.admitted") {
    context.admittedAt = event.at;
    return;
  }
  const { at, start, input, notBefore, deadline } = event;
  context.gathered[start] = at;
  context.notBefore = notBefore;
  if (deadline !== undefined) context.deadline = deadline;
  if (context.gather?.by !== "batch") context.input = input;
  else context.input = { list: [...("list" in context.input ? context.input.list : []), input] };
}
