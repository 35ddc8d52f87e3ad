/**
 * The child runs that a hosted run owes something: each is begun, or asked to stop, as soon as the commit
 * stands that says so. What was done is put into the run's mailbox, to be recorded.
 */
import type { Child } from "../../../machines/child-data.ts";
import { type RunState, stepActor } from "../../domain/state.ts";
import { toFailure } from "../../events/failure.ts";
import { isMillraceError } from "../../kernel/errors.ts";
import type { Workflow } from "../../workflow/definition.ts";
import type { Engine } from "../engine.ts";
import { askToStop, beginChild, type ParentFacts } from "./begin-child.ts";
import type { ChildMail } from "./mail.ts";

/** What the children of one run need. */
export interface ChildrenOptions {
  readonly engine: Engine;
  readonly parent: ParentFacts;
  /** The definition of a child's workflow, as far as this process has it. */
  definition(step: string, workflow: string): Workflow | undefined;
  /** Puts what was done into the run's mailbox. */
  deliver(mail: ChildMail): void;
  /** The store failed: the run cannot be gone on with here. */
  fail(error: unknown): void;
}

interface Owed {
  readonly duty: ChildMail["duty"];
  readonly step: string;
  readonly attempt: number;
  readonly child: Child;
  readonly reason: string;
}

/** Requests under way at once, for one run. */
const AT_ONCE = 64;
/** What is the child's own fault, and not the store's: it is recorded, and the step fails. */
const HOPELESS = new Set(["E_RUN_CONFLICT", "E_RUN_ERASED", "E_TOO_LARGE"]);

export class Children {
  readonly #options: ChildrenOptions;
  readonly #queue: Owed[] = [];
  /** What is queued or under way, or done and not yet recorded. */
  readonly #known = new Set<string>();
  #underway = 0;
  #stopped = false;

  constructor(options: ChildrenOptions) {
    this.#options = options;
  }

  /** Takes up what the state, which must be as committed, owes to children. */
  tend(state: RunState): void {
    const { requested, stopping } = state;
    for (const step of requested) this.#owe(state, "child", step);
    for (const step of stopping) this.#owe(state, "stop", step);
    this.#next();
  }

  /** Begins nothing more; what is under way is not told any more. */
  stop(): void {
    this.#stopped = true;
  }

  #owe(state: RunState, duty: Owed["duty"], step: string): void {
    const { attempt, child, reason } = stepActor(state, step).context;
    const key = keyOf({ duty, step, attempt });
    if (child === null || this.#known.has(key)) return;
    this.#known.add(key);
    this.#queue.push({ duty, step, attempt, child, reason: reason ?? "its parent ends" });
  }

  #next(): void {
    while (!this.#stopped && this.#underway < AT_ONCE) {
      const owed = this.#queue.shift();
      if (owed === undefined) return;
      this.#underway++;
      this.#do(owed)
        .then(
          (mail) => this.#tell(mail),
          (error: unknown) => {
            if (!this.#stopped) this.#options.fail(error);
          },
        )
        .finally(() => {
          this.#underway--;
          this.#next();
        });
    }
  }

  #tell(mail: ChildMail): void {
    if (this.#stopped) return;
    this.#options.deliver(mail);
  }

  async #do({ duty, step, attempt, child, reason }: Owed): Promise<ChildMail> {
    const { engine, definition, parent } = this.#options;
    const mail = { kind: "child", duty, step, attempt } as const;
    try {
      if (duty === "stop") await askToStop(engine, parent.run, child, reason);
      else await beginChild(engine, parent, step, child, definition(step, child.workflow));
      return mail;
    } catch (error) {
      if (duty === "child" && isMillraceError(error) && HOPELESS.has(error.code)) {
        return { ...mail, error: toFailure(error) };
      }
      throw error;
    }
  }
}

const keyOf = ({ duty, step, attempt }: Pick<Owed, "duty" | "step" | "attempt">): string =>
  `${duty}/${step}/${attempt}`;
