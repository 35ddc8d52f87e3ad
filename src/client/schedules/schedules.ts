/**
 * Schedules as programs use them, from any process: declared, looked at, paused, told to start runs. The
 * processes that have the code of their workflows start their runs; without one, ticks are missed.
 */
import { isDeepStrictEqual } from "node:util";
import type { Overlap, ScheduleContext, ScheduleSpec } from "../../../machines/schedule-data.ts";
import { calendarOf, runOfOrder, ticksBetween } from "../../domain/schedule.ts";
import type { Engine } from "../../engine/engine.ts";
import type { Projector } from "../../engine/reading/projector.ts";
import type { ScheduleDraft, Schedules } from "../../engine/records/schedules.ts";
import { MillraceError } from "../../kernel/errors.ts";
import { checkId } from "../../kernel/ids.ts";
import { type AnyInstant, anyInstantMs } from "../../kernel/instant.ts";
import { limits } from "../../kernel/limits.ts";
import { hasEnded, livesOn, type RunSummaries } from "../../projections/run-summary.ts";
import type { Workflow } from "../../workflow/definition.ts";
import { validate } from "../../workflow/schema.ts";
import { callOptions, invalidOption } from "../options.ts";
import { type RequestOptions, whoAndWhy } from "../telling/tell-run.ts";
import {
  checkIdPart,
  checkOverlap,
  checkScheduleId,
  readSchedule,
  type ScheduleOptions,
} from "./schedule-options.ts";
import { type ScheduleView, scheduleView } from "./schedule-view.ts";

/** One run, now. */
export interface TriggerOptions {
  /** If earlier runs have not ended. @default as the schedule says */
  readonly overlap?: Overlap;
  /** The order's own id, up to 32 characters: given again with the same one, it starts the same run. @default a new one */
  readonly id?: string;
  /** Who wants it: recorded. @default the id of this process */
  readonly by?: string;
}

/** The ticks of a time that is past. */
export interface BackfillOptions extends TriggerOptions {
  /** The first and the last moment whose ticks are wanted. */
  readonly from: AnyInstant;
  readonly to: AnyInstant;
  /** @default "buffer-all": one after the other */
  readonly overlap?: Overlap;
}

/** What a backfill comes to. */
export interface Backfill {
  readonly order: string;
  /** How many ticks it asks for, each of which gets a run of its own. */
  readonly ticks: number;
}

/** What it takes to work with schedules. */
export interface ScheduleParts {
  readonly engine: Engine;
  readonly schedules: Schedules;
  readonly summaries: Projector<RunSummaries>;
  readonly workflows: ReadonlyMap<string, Workflow>;
}

const ORDER_CHARS_MAX = 32;

export class ScheduleClient {
  readonly #parts: ScheduleParts;

  constructor(parts: ScheduleParts) {
    this.#parts = parts;
  }

  /**
   * Makes a schedule, or changes it to be this one. The same again changes nothing, so it can be declared
   * wherever a program starts. A change of its times counts from now on.
   * @throws MillraceError `E_OPTION_INVALID`, `E_ID_INVALID`, `E_NOT_JSON`, `E_TOO_LARGE`; `E_SCHEMA` when
   * the input does not fit a workflow that this process knows
   */
  async put(options: ScheduleOptions): Promise<ScheduleView> {
    const { engine, schedules, workflows } = this.#parts;
    const { id, spec, paused, by, workflow } = readSchedule(options, engine.world.clock.now());
    const definition = workflow ?? workflows.get(spec.workflow);
    await validate(definition?.input, `input of ${spec.workflow}`, jsonOf(spec));
    const who = whoAndWhy(engine, { ...(by === undefined ? {} : { by }), reason: "declared so" });
    await schedules.tell(
      id,
      (draft) => {
        const { context } = draft.actor;
        const now = draft.now;
        if (!isDeepStrictEqual(context.spec, spec)) {
          draft.order({ type: "cmd.declare", now, by: who.by, spec });
        }
        if (paused === true && context.paused === null)
          draft.order({ type: "cmd.pause", now, ...who });
        if (paused === false && context.paused !== null) {
          draft.order({ type: "cmd.resume", now, by: who.by });
        }
      },
      () => undefined,
    );
    return this.get(id);
  }

  /** @throws MillraceError `E_SCHEDULE_NOT_FOUND`, `E_ID_INVALID` */
  async get(id: string): Promise<ScheduleView> {
    const hasEnded = await this.#ended();
    return this.#parts.schedules.look(checkScheduleId(id), (context, now) =>
      scheduleView(context, declared(context), now, hasEnded),
    );
  }

  /** All schedules, by id. */
  async list(): Promise<readonly ScheduleView[]> {
    const { engine, schedules } = this.#parts;
    const hasEnded = await this.#ended();
    const now = engine.world.clock.now();
    return schedules.all((context) => scheduleView(context, declared(context), now, hasEnded));
  }

  /**
   * From now on no tick starts a run, until it is resumed; runs that have begun go on. Twice is no harm.
   * @throws MillraceError `E_SCHEDULE_NOT_FOUND`, `E_OPTION_INVALID`
   */
  async pause(id: string, options: RequestOptions = {}): Promise<void> {
    const given = callOptions("schedules.pause()", options, ["reason", "by"]);
    const who = whoAndWhy(this.#parts.engine, given);
    await this.#tell(id, (draft) => {
      if (draft.actor.context.paused === null) {
        draft.order({ type: "cmd.pause", now: draft.now, ...who });
      }
    });
  }

  /**
   * Lets it go on with the ticks that come from now on: those in between are not made up for.
   * @throws MillraceError `E_SCHEDULE_NOT_FOUND`, `E_OPTION_INVALID`
   */
  async resume(id: string, options: Pick<RequestOptions, "by"> = {}): Promise<void> {
    const { by } = whoAndWhy(
      this.#parts.engine,
      callOptions("schedules.resume()", options, ["by"]),
    );
    await this.#tell(id, (draft) => {
      if (draft.actor.context.paused !== null) {
        draft.order({ type: "cmd.resume", now: draft.now, by });
      }
    });
  }

  /**
   * Deletes it; its runs go on. False: there was none.
   * @throws MillraceError `E_ID_INVALID`, `E_OPTION_INVALID`
   */
  async delete(id: string, options: Pick<RequestOptions, "by"> = {}): Promise<boolean> {
    const { by } = whoAndWhy(
      this.#parts.engine,
      callOptions("schedules.delete()", options, ["by"]),
    );
    let there = false;
    await this.#parts.schedules.tell(
      checkScheduleId(id),
      (draft) => {
        there = draft.actor.context.spec !== null;
        if (there) draft.order({ type: "cmd.delete", now: draft.now, by });
      },
      () => undefined,
    );
    return there;
  }

  /**
   * Asks for a run now, also of a paused schedule; returns its id. There is none if the overlap policy is
   * against it, which `recent` of the schedule then says.
   * @throws MillraceError `E_SCHEDULE_NOT_FOUND`, `E_OPTION_INVALID`, `E_ID_INVALID`; `E_COMMAND_REFUSED` when
   * too much was asked for already
   */
  async trigger(id: string, options: TriggerOptions = {}): Promise<string> {
    const given = callOptions("schedules.trigger()", options, ["overlap", "id", "by"]);
    const { order, by, overlap } = this.#order(given);
    await this.#tell(id, (draft) => {
      demandRoom(draft.actor.context);
      const more = overlap === undefined ? {} : { overlap };
      draft.order({ type: "cmd.trigger", now: draft.now, order, by, ...more });
    });
    return runOfOrder(id, order);
  }

  /**
   * Asks for runs for the ticks of a time that is past, also of a paused schedule. They are runs of their
   * own, whether or not these ticks had runs.
   * @throws MillraceError as `trigger`
   */
  async backfill(id: string, options: BackfillOptions): Promise<Backfill> {
    const known = ["from", "to", "overlap", "id", "by"] as const;
    const given = callOptions("schedules.backfill()", options, known);
    const [from, to] = [anyInstantMs("from", given.from), anyInstantMs("to", given.to)];
    const { order, by, overlap = "buffer-all" } = this.#order(given);
    let ticks = 0;
    await this.#tell(id, (draft) => {
      const { now } = draft;
      const { context } = draft.actor;
      if (from > to || to > now)
        throw invalidOption("to", "`from` must come before it, and it before now");
      demandRoom(context);
      ticks = ticksBetween(calendarOf(declared(context)), from - 1, to, MOST + 1).length;
      if (ticks > MOST)
        throw invalidOption("from", `more than ${MOST} ticks; ask for fewer at once`);
      if (ticks > 0) draft.order({ type: "cmd.backfill", now, order, by, from, to, overlap });
    });
    return { order, ticks };
  }

  async #tell(id: string, decide: (draft: ScheduleDraft) => void): Promise<void> {
    await this.#parts.schedules.tell(
      checkScheduleId(id),
      (draft) => {
        declared(draft.actor.context, id);
        decide(draft);
      },
      () => undefined,
    );
  }

  #order({ id, by, overlap }: TriggerOptions) {
    const { engine } = this.#parts;
    const order = checkId("order id", id ?? engine.world.ids());
    return {
      order: checkIdPart(order, ORDER_CHARS_MAX),
      by: whoAndWhy(engine, by === undefined ? {} : { by }).by,
      overlap: overlap === undefined ? undefined : checkOverlap(overlap),
    };
  }

  /** What is known now of runs. */
  async #ended(): Promise<(run: string) => boolean> {
    const view = await this.#parts.summaries.current();
    return (run) => {
      const summary = view.get(run);
      return summary !== undefined && hasEnded(summary) && !livesOn(view, summary);
    };
  }
}

const MOST = limits.backfillTicksMax;

const jsonOf = ({ input }: ScheduleSpec): unknown =>
  input !== undefined && "json" in input ? structuredClone(input.json) : undefined;

/** @throws MillraceError `E_SCHEDULE_NOT_FOUND` */
function declared({ spec, name }: ScheduleContext, id = name): ScheduleSpec {
  if (spec !== null) return spec;
  throw new MillraceError(
    "E_SCHEDULE_NOT_FOUND",
    `there is no schedule ${id}; \`millrace schedule list\` names those that there are`,
    { details: { schedule: id } },
  );
}

/** @throws MillraceError `E_COMMAND_REFUSED` */
function demandRoom({ name, orders }: ScheduleContext): void {
  if (orders.length < limits.scheduleOrdersMax) return;
  throw new MillraceError(
    "E_COMMAND_REFUSED",
    `schedule ${name} has ${orders.length} orders that nobody has served yet; is there a worker with its workflow?`,
    { details: { schedule: name } },
  );
}
