/** Stores with one fault each, which the contracts must notice. */
import { systemClock } from "../../src/kernel/clock.ts";
import { isMillraceError, MillraceError } from "../../src/kernel/errors.ts";
import { positionIn } from "../../src/ports/cursor.ts";
import type { EventLog } from "../../src/ports/event-log.ts";
import type { Store } from "../../src/ports/store.ts";
import type { Claim } from "../../src/ports/work-queue.ts";
import type { suites } from "./harness.ts";

/** The port with some of its methods replaced. */
const altered = <T extends object>(port: T, methods: Partial<T>): T =>
  new Proxy(port, {
    get(target, key) {
      if (key in methods) return Reflect.get(methods, key);
      const value: unknown = Reflect.get(target, key);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });

async function* wholeOf(parts: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield Buffer.concat(parts);
}

/** What it changes in a sound store. */
export type Fault = (store: Store) => Partial<Store>;

/** The store's queue with claims that misbehave. */
const claims = ({ queue }: Store, change: (claim: Claim) => Partial<Claim>): Partial<Store> => ({
  queue: altered(queue, {
    claim: async (request) =>
      (await queue.claim(request)).map((claim) => ({ ...claim, ...change(claim) })),
  }),
});

/** By port, then by what is wrong. */
export const faults: Record<keyof typeof suites, Record<string, Fault>> = {
  "event log": {
    "expectation not checked": ({ log }) => ({
      log: altered(log, {
        append: async (frame) => log.append({ ...frame, expected: await log.head(frame.run) }),
      }),
    }),
    "expectation checked before, not while, appending": ({ log }) => ({
      log: altered(log, {
        async append(frame) {
          const stale = (await log.head(frame.run)) !== frame.expected;
          let outcome = await log.append(frame);
          while (!stale && !outcome.ok)
            outcome = await log.append({ ...frame, expected: outcome.head });
          return outcome;
        },
      }),
    }),
    "append answered but not kept": ({ log }) => ({
      log: altered(log, { append: async () => ({ ok: true, position: 1 }) }),
    }),
    "a resent frame is a conflict": ({ log }) => ({
      log: altered(log, {
        async append(frame) {
          const head = await log.head(frame.run);
          return head > frame.expected ? { ok: false, head } : log.append(frame);
        },
      }),
    }),
    "every conflict is taken for a resending": ({ log }) => ({
      log: altered(log, {
        async append(frame) {
          const outcome = await log.append(frame);
          return outcome.ok ? outcome : { ok: true, position: outcome.head };
        },
      }),
    }),
    "run ids unique per workflow only": ({ log }) => ({
      log: altered(log, {
        append: (frame) => log.append({ ...frame, run: `${frame.run}.${frame.workflow}` }),
        read: (range) =>
          log.read(range.run === undefined ? range : { ...range, run: `${range.run}.flow` }),
      }),
    }),
    "`after` included": ({ log }) => ({
      log: altered(log, {
        read: (range) => log.read({ ...range, after: positionIn(range.after ?? 0) - 1 }),
      }),
    }),
    "`upTo` excluded": ({ log }) => ({
      log: altered(log, {
        read: (range) =>
          log.read(range.upTo ? { ...range, upTo: positionIn(range.upTo) - 1 } : range),
      }),
    }),
    "limit 0 taken for none": ({ log }) => ({
      log: altered(log, {
        read: (range) => log.read({ ...range, limit: range.limit || Number.POSITIVE_INFINITY }),
      }),
    }),
    "run scope by prefix": ({ log }) => ({
      log: altered(log, {
        async *read({ run, ...range }) {
          for await (const frame of log.read(range))
            if (run === undefined || frame.run.startsWith(run)) yield frame;
        },
      }),
    }),
    "subscription ends with the history": ({ log }) => ({
      log: altered(log, { subscribe: (scope, after) => log.read({ ...scope, after }) }),
    }),
    "subscription without history": ({ log }) => ({
      log: altered(log, {
        async *subscribe(scope, _after, signal) {
          yield* log.subscribe(scope, await log.head(), signal);
        },
      }),
    }),
    "gap between history and live": ({ log }) => ({
      log: altered(log, {
        async *subscribe(scope, after, signal) {
          yield* log.read({ ...scope, after });
          for (let turn = 0; turn < 3; turn += 1) await systemClock().turn();
          yield* log.subscribe(scope, await log.head(), signal);
        },
      }),
    }),
    "last frame of the history repeated": ({ log }) => ({
      log: altered(log, {
        async *subscribe(scope, after, signal) {
          const head = positionIn(await log.head());
          yield* log.read({ ...scope, after });
          yield* log.subscribe(scope, Math.max(positionIn(after), head - 1), signal);
        },
      }),
    }),
    "abort ignored": ({ log }) => ({
      log: altered(log, {
        subscribe: (scope, after) => log.subscribe(scope, after, new AbortController().signal),
      }),
    }),
    "head of the log for every run": ({ log }) => ({
      log: altered(log, { head: (() => log.head()) as EventLog["head"] }),
    }),
    "no tombstone": ({ log }) => ({
      log: altered(log, {
        append: (frame) =>
          log.append(frame).catch((error: unknown) => {
            if (isMillraceError(error, "E_RUN_ERASED")) return { ok: false as const, head: 0 };
            throw error;
          }),
      }),
    }),
    "erase only says it did": ({ log }) => ({ log: altered(log, { erase: async () => true }) }),
    "an erased run can never begin anew": ({ log }) => {
      const erased = new Set<string>();
      return {
        log: altered(log, {
          erase(run) {
            erased.add(run);
            return log.erase(run);
          },
          async append(frame) {
            if (erased.has(frame.run)) throw new MillraceError("E_RUN_ERASED", "for ever");
            return log.append(frame);
          },
        }),
      };
    },
    "tombstones are never given": ({ log }) => ({
      log: altered(log, { read: ({ tombstones: _, ...range }) => log.read(range) }),
    }),
  },
  inbox: {
    "`after` included": ({ inbox }) => ({
      inbox: altered(inbox, { read: (run, after) => inbox.read(run, after - 1) }),
    }),
    "same bytes dropped": ({ inbox }) => ({
      inbox: altered(inbox, {
        async post(run, bytes) {
          const same = (await inbox.read(run, 0)).find(
            (input) => Buffer.compare(input.bytes, bytes) === 0,
          );
          return same?.position ?? inbox.post(run, bytes);
        },
      }),
    }),
    "watcher hears nothing": ({ inbox }) => ({
      inbox: altered(inbox, { watch: async () => () => undefined }),
    }),
    "watcher hears twice": ({ inbox }) => ({
      inbox: altered(inbox, {
        async watch(run, onInput, onGap) {
          const stops = [await inbox.watch(run, onInput, onGap)];
          stops.push(await inbox.watch(run, onInput, onGap));
          return () => stops.forEach((stop) => void stop());
        },
      }),
    }),
    "stop ignored": ({ inbox }) => ({
      inbox: altered(inbox, {
        async watch(run, onInput, onGap) {
          await inbox.watch(run, onInput, onGap);
          return () => undefined;
        },
      }),
    }),
    "discard keeps its position": ({ inbox }) => ({
      inbox: altered(inbox, { discard: (run, upTo) => inbox.discard(run, upTo - 1) }),
    }),
    "discard takes all": ({ inbox }) => ({
      inbox: altered(inbox, { discard: (run) => inbox.discard(run, Number.MAX_SAFE_INTEGER) }),
    }),
  },
  "work queue": {
    "times ignored": ({ queue }) => ({
      queue: altered(queue, { offer: (ticket) => queue.offer(ticket) }),
    }),
    "a timed ticket is never brought forward": ({ queue }) => {
      const seen = new Set<string>();
      return {
        queue: altered(queue, {
          async offer(ticket, at) {
            if (!seen.has(ticket.run)) await queue.offer(ticket, at);
            if (at !== undefined) seen.add(ticket.run);
          },
        }),
      };
    },
    "workflows ignored": ({ queue }) => ({
      queue: altered(queue, {
        claim: (request) =>
          queue.claim({ ...request, workflows: ["flow", "other", "third", "brand-new"] }),
      }),
    }),
    "`max` ignored": ({ queue }) => ({
      queue: altered(queue, { claim: (request) => queue.claim({ ...request, max: 100 }) }),
    }),
    "claim does not wait": ({ queue }) => ({
      queue: altered(queue, {
        claim: (request) => queue.claim({ ...request, signal: AbortSignal.timeout(0) }),
      }),
    }),
    "tickets of an aborted claim are lost": ({ queue }) => ({
      queue: altered(queue, {
        async claim(request) {
          const got = await queue.claim({ ...request, signal: new AbortController().signal });
          return request.signal.aborted ? [] : got;
        },
      }),
    }),
    "extend always true": (store) => claims(store, () => ({ extend: async () => true })),
    "extend does nothing": (store) => claims(store, () => ({ extend: async () => false })),
    "ack gives back": (store) => claims(store, (claim) => ({ ack: () => claim.release() })),
    "release acks": (store) => claims(store, (claim) => ({ release: () => claim.ack() })),
    "release ignores its time": (store) =>
      claims(store, (claim) => ({ release: () => claim.release() })),
    "reclaim does nothing": ({ queue }) => ({
      queue: altered(queue, { reclaim: async () => undefined }),
    }),
    "remove does nothing": ({ queue }) => ({
      queue: altered(queue, { remove: async () => undefined }),
    }),
  },
  "node registry": {
    "everybody is alive": ({ nodes }) => ({ nodes: altered(nodes, { alive: async () => true }) }),
    "the listed are alive": ({ nodes }) => ({
      nodes: altered(nodes, {
        alive: async (id) => (await nodes.list()).some((info) => info.id === id),
      }),
    }),
    "withdraw does nothing": ({ nodes }) => ({
      nodes: altered(nodes, { withdraw: async () => undefined }),
    }),
    "watchers hear nothing of withdrawals": ({ nodes }) => ({
      nodes: altered(nodes, {
        watch: (listener) => nodes.watch({ ...listener, left: () => undefined }),
      }),
    }),
    "a watch never ends": ({ nodes }) => ({
      nodes: altered(nodes, {
        async watch(listener) {
          await nodes.watch(listener);
          return () => undefined;
        },
      }),
    }),
    "first announcement stays": ({ nodes }) => ({
      nodes: altered(nodes, {
        async announce(info) {
          const known = (await nodes.list()).find(({ id }) => id === info.id);
          await nodes.announce(known ?? info);
        },
      }),
    }),
  },
  "blob store": {
    "digest in hex": ({ blobs }) => ({
      blobs: altered(blobs, {
        put: async (bytes) => Buffer.from(await blobs.put(bytes), "base64url").toString("hex"),
      }),
    }),
    "empty blob taken for none": ({ blobs }) => ({
      blobs: altered(blobs, {
        async get(digest) {
          const bytes = await blobs.get(digest);
          return bytes?.byteLength ? bytes : undefined;
        },
      }),
    }),
    "delete always true": ({ blobs }) => ({
      blobs: altered(blobs, { delete: async (digest) => (await blobs.delete(digest)) || true }),
    }),
  },
  "view store": {
    "last save wins": ({ views }) => ({
      views: altered(views, {
        async save(key, view) {
          await views.delete(key);
          await views.save(key, view);
        },
      }),
    }),
    "same position refused": ({ views }) => ({
      views: altered(views, {
        async save(key, view) {
          if ((await views.load(key))?.position !== view.position) await views.save(key, view);
        },
      }),
    }),
    "delete does nothing": ({ views }) => ({
      views: altered(views, { delete: async () => undefined }),
    }),
  },
  "values of nodes": {
    "every node has them": ({ values }) => {
      const held = new Set<string>();
      return {
        values: altered(values, {
          async keep(pieces) {
            const kept = await values.keep(pieces);
            held.add(kept.digest);
            return kept;
          },
          read: async (node, digest) => values.read(held.has(digest) ? "node-1" : node, digest),
        }),
      };
    },
    "gone is nothing": ({ values }) => ({
      values: altered(values, {
        read: (node, digest) =>
          values.read(node, digest).catch((error: unknown) => {
            if (isMillraceError(error, "E_NODE_GONE")) return undefined;
            throw error;
          }),
      }),
    }),
    "pieces of any size": ({ values }) => ({
      values: altered(values, {
        async read(node, digest) {
          const parts: Uint8Array[] = [];
          const found = await values.read(node, digest);
          for await (const part of found ?? []) parts.push(part);
          return found && wholeOf(parts);
        },
      }),
    }),
    "drop does nothing": ({ values }) => ({
      values: altered(values, { drop: async () => true }),
    }),
  },
};
