/** Whom new frames concern: the keys under which readers of the log wait for them. */
import type { StatementSync } from "node:sqlite";
import type { LogScope } from "../../ports/event-log.ts";
import type { Backend } from "./backend.ts";
import { positionBase, positionLimit } from "./schema.ts";
import type { News } from "./wakeups.ts";

const EVERYTHING = "all";

/** The key under which a reader of `scope` waits. */
export function keyOf({ run, workflow }: LogScope): string {
  if (run !== undefined) return `run ${run}`;
  return workflow === undefined ? EVERYTHING : `workflow ${workflow}`;
}

/** The keys of all scopes that a frame belongs to. */
export const keysOf = ({ run, workflow }: Origin): readonly string[] => [
  keyOf({}),
  keyOf({ workflow }),
  keyOf({ run }),
];

interface Origin {
  readonly run: string;
  readonly workflow: string;
}

/** With more new frames than this, waking everybody is less work than finding out whom. */
const LOOKED_UP_MAX = 1_000;

/** Frames that other processes stored, as the keys of those they concern. */
export class LogNews implements News {
  readonly #limit: number;
  readonly #base: number;
  readonly #head: StatementSync;
  readonly #origins: StatementSync;
  /** Up to here the keys were told; undefined: unknown. */
  #known: number | undefined;

  constructor({ db, namespace }: Backend) {
    this.#base = positionBase(namespace);
    this.#limit = positionLimit(namespace);
    this.#head = db.prepare(
      "SELECT coalesce(max(position), ?1) AS head FROM frames WHERE position BETWEEN ?1 AND ?2",
    );
    this.#origins = db.prepare(
      `SELECT DISTINCT runs.run, runs.workflow
       FROM frames CROSS JOIN runs ON runs.id = frames.run
       WHERE frames.position > ? AND frames.position <= ?`,
    );
  }

  forget(): void {
    this.#known = undefined;
  }

  keys(): readonly string[] | "all" {
    const after = this.#known;
    const { head } = this.#head.get(this.#base, this.#limit) as { head: number };
    this.#known = Math.max(after ?? 0, head);
    if (after === undefined || head - after > LOOKED_UP_MAX) return "all";
    const origins = this.#origins.all(after, head) as unknown as readonly Origin[];
    return [...new Set(origins.flatMap(keysOf))];
  }
}
