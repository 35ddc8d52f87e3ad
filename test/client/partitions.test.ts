/**
 * A log that is divided among streams, on a real server: what is done with many runs is as on one stream, but
 * for the order between them.
 */
import { connect } from "@nats-io/transport-node";
import { afterEach, beforeEach, expect, it } from "vitest";
import {
  type EventPlace,
  type Millrace,
  open,
  type RecordedEvent,
  workflow,
} from "../../src/index.ts";
import { silentLogger } from "../../src/kernel/logger.ts";
import { liveFrame, liveSubject } from "../../src/nats.ts";
import { operator } from "../adapters/nats-kit.ts";
import { refusal, until } from "../engine/kit/scene.ts";
import { sharedNatsServer } from "../support/nats-server.ts";
import { freshNamespace, removeNamespace } from "../support/nats-store.ts";

const url = sharedNatsServer();
const letter = workflow("letter", async (ctx, to: string) => {
  const text = await ctx.run("write", () => "dear");
  return `${text} ${to}`;
});
const RUNS = Array.from({ length: 9 }, (_, nth) => `run-${nth}`);

let namespace: string;
let opened: Millrace[];

const openHere = async (options: { partitions?: number } = {}): Promise<Millrace> => {
  const given = { store: url(), namespace, workflows: [letter], logger: silentLogger };
  const millrace = await open({ ...given, ...options });
  opened.push(millrace);
  return millrace;
};

beforeEach(() => {
  namespace = freshNamespace();
  opened = [];
});

afterEach(async () => {
  await Promise.all(opened.map((one) => one.close()));
  await removeNamespace(url(), namespace);
});

const written = async (): Promise<Millrace> => {
  const millrace = await openHere({ partitions: 3 });
  const runs = await Promise.all(RUNS.map((id) => millrace.start(letter, id, { id })));
  for (const run of runs) expect(await run.result()).toBe(`dear ${run.id}`);
  return millrace;
};

const places = (events: readonly RecordedEvent[]): string[] =>
  events.map(({ run, seq, position }) => `${run} ${seq} ${position}`).sort();

async function take(
  events: AsyncIterable<RecordedEvent>,
  count = Number.POSITIVE_INFINITY,
): Promise<RecordedEvent[]> {
  const taken: RecordedEvent[] = [];
  for await (const event of events) if (taken.push(event) >= count) break;
  return taken;
}

it("is followed from where a reader was, listed, searched, rebuilt and described", async () => {
  const millrace = await written();
  const all = await take(millrace.subscribe({ live: false }));
  expect(new Set(all.map(({ position }) => position % 3)).size).toBe(3);
  const first = millrace.subscribe({ live: false });
  const before = await take(first, 20);
  const position = first.cursor ?? 0;
  const after = await take(millrace.subscribe({ live: false, after: { position } }));
  // The frame that was read by half comes again.
  const again = new Set(after.map(({ commit }) => commit));
  expect(places([...before.filter(({ commit }) => !again.has(commit)), ...after])).toEqual(
    places(all),
  );
  const [{ at = 0 } = {}] = all.toSorted((one, other) => other.at - one.at);
  const late = await take(millrace.subscribe({ live: false, from: { time: at } }));
  expect(places(late)).toEqual(places(all.filter((event) => event.at >= at)));
  const bare = millrace.subscribe({ after: all[3] as EventPlace });
  expect(await refusal(take(bare))).toMatchObject({ code: "E_OPTION_INVALID" });
  const own = await take(
    millrace.subscribe({
      run: "run-4",
      after: all.find(({ run }) => run === "run-4") as EventPlace,
    }),
  );
  expect(own.map(({ run }) => run)).not.toContain("run-3");
  expect((await millrace.list()).map(({ run }) => run).sort()).toEqual(RUNS);
  expect(await millrace.count()).toEqual({ completed: RUNS.length });
  await millrace.rebuild();
  await (await millrace.start(letter, "more", { id: "more" })).result();
  const verified = await millrace.rebuild({ verify: true });
  expect(verified.map(({ saved }) => saved)).toEqual(verified.map(() => "same"));
  expect(await millrace.store.describe()).toMatchObject({ log: { partitions: 3, runs: 10 } });
});

it("keeps a named subscription in each partition, through another process", async () => {
  const millrace = await written();
  const types = ["run.completed"] as const;
  const some: string[] = [];
  const reader = millrace.subscription("reader", { types });
  for await (const event of reader) {
    await reader.ack(event);
    if (some.push(event.run) === 5) break;
  }
  const other = (await openHere()).subscription("reader", { types });
  for await (const event of other) {
    await other.ack(event);
    if (some.push(event.run) === RUNS.length) break;
  }
  expect(some.toSorted()).toEqual(RUNS);
});

it("has forks and erasures exclude each other", async () => {
  const millrace = await written();
  const fork = await millrace.fork("run-1", { seq: 3, id: "branch" });
  expect(await fork.result()).toBe("dear run-1");
  expect(await refusal(millrace.history.erase("run-1"))).toMatchObject({
    code: "E_COMMAND_REFUSED",
    details: { forks: ["branch"] },
  });
  await millrace.history.erase("branch");
  await millrace.history.erase("run-1");
  const rivals = await Promise.allSettled([
    millrace.history.erase("run-2"),
    ...["a", "b"].map((id) => millrace.fork("run-2", { seq: 3, id })),
  ]);
  const [erased, ...forked] = rivals.map(({ status }) => status);
  if (erased === "fulfilled") expect(forked).toEqual(["rejected", "rejected"]);
  expect((await millrace.history.erasures()).map(({ run }) => run).slice(0, 2)).toEqual([
    "branch",
    "run-1",
  ]);
});

it("stays as it was made, and goes as a whole", async () => {
  const live = await connect({ servers: url() });
  const heard: number[] = [];
  live.subscribe(liveSubject({ namespace }), {
    callback: (_, message) => {
      heard.push(liveFrame(message)?.position ?? 0);
    },
  });
  await live.flush();
  const millrace = await written();
  const all = await take(millrace.subscribe({ live: false }));
  const positions = new Set(all.map(({ position }) => position));
  await until("all frames were heard", () => new Set(heard).size >= positions.size);
  expect(new Set(heard)).toEqual(positions);
  await live.close();
  for (const partitions of [1, 2]) {
    expect(await refusal(openHere({ partitions }))).toMatchObject({
      code: "E_STORE_DRIFT",
      details: { partitions: 3, wanted: partitions },
    });
  }
  expect((await (await openHere()).get("run-0")).status).toBe("completed");
  await Promise.all(opened.splice(0).map((one) => one.close()));
  await using server = await operator(url());
  await server.manager.streams.delete(`MR_${namespace}_LOG`);
  expect((await openHere()).store.log.partitions).toBe(3);
  await Promise.all(opened.splice(0).map((one) => one.close()));
  await removeNamespace(url(), namespace);
  const left: string[] = [];
  for await (const name of server.manager.streams.names(`mr.${namespace}.>`)) left.push(name);
  expect(left).toEqual([]);
});

it("is for stores that can divide theirs", async () => {
  for (const partitions of [0, 65, 1.5]) {
    expect(await refusal(open({ store: "memory", partitions }))).toMatchObject({
      code: "E_OPTION_INVALID",
    });
  }
  expect(await refusal(open({ store: "sqlite::memory:", partitions: 2 }))).toMatchObject({
    code: "E_OPTION_INVALID",
    message: expect.stringContaining("sqlite"),
  });
});
