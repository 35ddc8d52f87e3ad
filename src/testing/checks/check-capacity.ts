/** I28: at no event more is running on a node than it has, as far as placements tell what that is. */
import type { NodeView } from "../../cluster/allocator.ts";
import { type Resources, shortage, shown } from "../../cluster/resources.ts";
import type { RecordedEvent } from "../../events/vocabulary.ts";
import { RecordedLoad } from "../../projections/recorded-load.ts";
import type { Report } from "./violation.ts";

/** I28, over all runs. */
export class CapacityCheck {
  readonly #report: Report;
  readonly #load = new RecordedLoad();
  /** What nodes have, as they said last. */
  readonly #has = new Map<string, Resources>();

  constructor(report: Report) {
    this.#report = report;
  }

  take(event: RecordedEvent): void {
    this.#load.take(event);
    if (event.type !== "step.started") return;
    for (const { id, resources } of (event.placement?.nodes ?? []) as readonly NodeView[]) {
      this.#has.set(id, resources);
    }
    const has = this.#has.get(event.node);
    const over = has === undefined ? {} : shortage(this.#load.of(event.node), has);
    if (Object.keys(over).length === 0) return;
    this.#report("I28", event, `${shown(over)} more is taken of node ${event.node} than it has`);
  }
}
