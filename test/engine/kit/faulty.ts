/** Stores with something put in between: so that a test decides what happens at which moment. */
import { type Deferred, deferred } from "../../../src/kernel/async.ts";
import type { EventLog } from "../../../src/ports/event-log.ts";
import type { Inbox } from "../../../src/ports/inbox.ts";
import type { NodeRegistry } from "../../../src/ports/node-registry.ts";
import type { Store } from "../../../src/ports/store.ts";
import type { WorkQueue } from "../../../src/ports/work-queue.ts";
import { over } from "../../../src/testing/simulation/over.ts";

/** The methods to put in between get the real port. */
export interface Between {
  readonly log?: (log: EventLog) => Partial<EventLog>;
  readonly inbox?: (inbox: Inbox) => Partial<Inbox>;
  readonly queue?: (queue: WorkQueue) => Partial<WorkQueue>;
  readonly nodes?: (nodes: NodeRegistry) => Partial<NodeRegistry>;
}

export const faulty =
  (between: Between) =>
  (store: Store): Store => ({
    ...store,
    log: over(store.log, between.log?.(store.log) ?? {}),
    inbox: over(store.inbox, between.inbox?.(store.inbox) ?? {}),
    queue: over(store.queue, between.queue?.(store.queue) ?? {}),
    nodes: over(store.nodes, between.nodes?.(store.nodes) ?? {}),
  });

/** Holds the next append of a run until it is let go. */
export interface Gate {
  readonly log: NonNullable<Between["log"]>;
  /** Resolves when the append is held: before it is stored, or before its answer is given. */
  hold(run: string, side?: "before" | "after"): Promise<void>;
  go(run: string): void;
}

export function gate(): Gate {
  const held = new Map<string, { side: string; reached: Deferred<void>; go: Deferred<void> }>();
  const pass = async (run: string, side: string): Promise<void> => {
    const one = held.get(run);
    if (one?.side !== side) return;
    one.reached.resolve();
    await one.go.promise;
  };
  return {
    log: (log) => ({
      async append(frame, signal) {
        await pass(frame.run, "before");
        const outcome = await log.append(frame, signal);
        await pass(frame.run, "after");
        return outcome;
      },
    }),
    hold(run, side = "before") {
      const one = { side, reached: deferred<void>(), go: deferred<void>() };
      held.set(run, one);
      return one.reached.promise;
    },
    go(run) {
      held.get(run)?.go.resolve();
      held.delete(run);
    },
  };
}

/** A queue whose claims are lost as soon as `lost` says so: their holder hears it at the next extension. */
export const losing = (lost: (run: string) => boolean): NonNullable<Between["queue"]> => {
  return (queue) => ({
    claim: async (request) =>
      (await queue.claim(request)).map((claim) => ({
        ticket: claim.ticket,
        token: claim.token,
        extend: async () => !lost(claim.ticket.run) && claim.extend(),
        ack: () => claim.ack(),
        release: (at) => claim.release(at),
      })),
  });
};
