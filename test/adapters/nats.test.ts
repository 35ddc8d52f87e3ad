/** What is particular to the NATS adapter: its streams, its server, its subjects, its processes. */
import { type ChildProcess, fork } from "node:child_process";
import { createServer } from "node:net";
import { join } from "node:path";
import { nanos } from "@nats-io/transport-node";
import { describe, expect, it, onTestFinished } from "vitest";
import { startNatsServer } from "../../scripts/nats-server.ts";
import type { Store } from "../../src/ports/store.ts";
import { sharedNatsServer } from "../support/nats-server.ts";
import { freshNamespace, openNats } from "../support/nats-store.ts";
import { bodies, encode, frame, operator, put, readAll } from "./nats-kit.ts";

const url = sharedNatsServer();
const never = new AbortController().signal;
const claimOf = (store: Store, max = 1) =>
  store.queue.claim({ workflows: ["flow"], max, signal: never });

describe("nats: streams", () => {
  it("a log that was deleted by hand is missing, never empty", async () => {
    const namespace = freshNamespace();
    const store = await openNats(url(), { namespace });
    await using admin = await operator(url());
    const head = await put(store.log, frame("a", 0, "kept"));
    await admin.manager.streams.delete(`MR_${namespace}_LOG`);
    const missing = { code: "E_STORE_MISSING", details: { stream: `MR_${namespace}_LOG` } };
    await expect(store.log.append(frame("a", head, "more"))).rejects.toMatchObject(missing);
    await expect(store.log.append(frame("b", 0, "first"))).rejects.toMatchObject(missing);
    await expect(readAll(store.log, { run: "a" })).rejects.toMatchObject(missing);
    await expect(readAll(store.log)).rejects.toMatchObject(missing);
    await expect(store.log.head("a")).rejects.toMatchObject(missing);
    await expect(store.log.erase("a")).rejects.toMatchObject(missing);
    await store.close();
  });

  it("a subscription ends with an error when the log is deleted by hand", async () => {
    const namespace = freshNamespace();
    const store = await openNats(url(), { namespace });
    await using admin = await operator(url());
    await put(store.log, frame("a", 0, "kept"));
    const frames = store.log.subscribe({}, 0, never)[Symbol.asyncIterator]();
    expect((await frames.next()).done).toBe(false);
    const next = frames.next();
    await admin.manager.streams.delete(`MR_${namespace}_LOG`);
    await expect(next).rejects.toMatchObject({ code: "E_STORE_MISSING" });
    await store.close();
  });

  it("queues, timers, nodes and views that were deleted by hand are made again", async () => {
    const namespace = freshNamespace();
    const store = await openNats(url(), { namespace });
    await using admin = await operator(url());
    await store.queue.offer({ workflow: "flow", run: "before" });
    for (const claim of await claimOf(store)) await claim.ack();
    for (const kind of ["WORK", "TIMERS"])
      await admin.manager.streams.delete(`MR_${namespace}_${kind}`);
    for (const kind of ["NODES", "VIEWS"])
      await admin.manager.streams.delete(`KV_MR_${namespace}_${kind}`);
    await store.queue.offer({ workflow: "flow", run: "after" });
    expect((await claimOf(store))[0]?.ticket.run).toBe("after");
    await store.views.save("runs", { position: 1, bytes: encode("x") });
    expect((await store.views.load("runs"))?.position).toBe(1);
    expect(await store.nodes.list()).toEqual([]);
    await store.close();
  });

  it("a stream that was changed by hand is refused, and not changed back in silence", async () => {
    const namespace = freshNamespace();
    await (await openNats(url(), { namespace })).close();
    await using admin = await operator(url());
    const stream = `MR_${namespace}_LOG`;
    const drift = { max_age: nanos(3_600_000), deny_delete: true };
    await admin.manager.streams.update(stream, drift);
    const error = await openNats(url(), { namespace }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: "E_STORE_DRIFT",
      details: { stream, fields: ["max_age"] },
    });
    expect((await admin.manager.streams.info(stream)).config.max_age).toBe(drift.max_age);
  });

  it("what is the operator's own is left as it is", async () => {
    const namespace = freshNamespace();
    await (await openNats(url(), { namespace })).close();
    await using admin = await operator(url());
    const stream = `MR_${namespace}_LOG`;
    await admin.manager.streams.update(stream, { description: "ours", max_bytes: 1_000_000_000 });
    await (await openNats(url(), { namespace })).close();
    const { config } = await admin.manager.streams.info(stream);
    expect([config.description, config.max_bytes]).toEqual(["ours", 1_000_000_000]);
  });

  it("a workflow whose tickets nobody wants any more costs the server nothing for long", async () => {
    const namespace = freshNamespace();
    const store = await openNats(url(), { namespace });
    await using admin = await operator(url());
    await store.queue.offer({ workflow: "flow", run: "a" });
    for (const claim of await claimOf(store)) await claim.ack();
    const { config } = await admin.manager.consumers.info(`MR_${namespace}_WORK`, "RUN_flow");
    expect(config.inactive_threshold).toBe(nanos(24 * 60 * 60 * 1_000));
    // And when it is gone, the next claim makes it again.
    await admin.manager.consumers.delete(`MR_${namespace}_WORK`, "RUN_flow");
    await store.queue.offer({ workflow: "flow", run: "b" });
    expect((await claimOf(store))[0]?.ticket.run).toBe("b");
    await store.close();
  });

  it("reading and following runs leaves no consumers behind", async () => {
    const namespace = freshNamespace();
    const store = await openNats(url(), { namespace });
    await using admin = await operator(url());
    const control = new AbortController();
    const following = Array.from({ length: 50 }, async (_, nth) => {
      const run = `run-${nth}`;
      await put(store.log, frame(run, 0, run));
      for await (const one of store.log.subscribe({ run }, 0, control.signal))
        if (one.run !== run) throw new Error(`${run} was told of ${one.run}`);
    });
    for (let nth = 0; nth < 10; nth += 1) await readAll(store.log, { workflow: "flow" });
    const consumers = async () =>
      (await admin.manager.streams.info(`MR_${namespace}_LOG`)).state.consumer_count;
    await expect.poll(consumers).toBe(0);
    control.abort();
    await Promise.all(following);
    await store.close();
  });
});

describe("nats: servers", () => {
  const refusal = (address: string) =>
    openNats(address, { connectTimeoutMs: 300 }).catch((error: unknown) => error);

  it("an address where nobody listens is unavailable after a while", async () => {
    expect(await refusal("nats://127.0.0.1:1")).toMatchObject({ code: "E_STORE_UNAVAILABLE" });
  });

  it.each(["", "http://127.0.0.1:4222", "nats://", "nats://a b"])(
    "%j is no address",
    async (text) => {
      expect(await refusal(text)).toMatchObject({ code: "E_OPTION_INVALID" });
    },
  );

  it("a password is not shown in an error", async () => {
    const error = await refusal("nats://user:secret@127.0.0.1:1");
    expect(String(error)).not.toContain("secret");
  });

  it("a server without JetStream is unsuitable", async () => {
    await using server = await startNatsServer({ jetstream: false });
    expect(await refusal(server.url)).toMatchObject({ code: "E_SERVER_UNSUITABLE" });
  });

  it("credentials in the address are passed on, and refused ones are unsuitable", async () => {
    const config = "authorization { user: ada, password: secret }";
    await using server = await startNatsServer({ config });
    expect(await refusal(server.url)).toMatchObject({ code: "E_SERVER_UNSUITABLE" });
    const store = await openNats(server.url.replace("//", "//ada:secret@"));
    expect(await store.log.head()).toBe(0);
    await store.close();
  });

  it("a server that is too old is unsuitable", async () => {
    const info = { server_id: "old", version: "2.10.27", headers: true, max_payload: 1, proto: 1 };
    const old = createServer((socket) => {
      socket.on("error", () => socket.destroy());
      socket.write(`INFO ${JSON.stringify(info)}\r\n`);
      socket.on("data", (data) => data.includes("PING") && socket.write("PONG\r\n"));
    });
    await new Promise<void>((resolve) => old.listen(0, "127.0.0.1", resolve));
    const address = old.address();
    const port = typeof address === "object" ? address?.port : 0;
    const error = await refusal(`nats://127.0.0.1:${port}`);
    expect(error).toMatchObject({ code: "E_SERVER_UNSUITABLE", details: { version: "2.10.27" } });
    await new Promise((resolve) => old.close(resolve));
  });

  it("a server that takes only small messages is unsuitable", async () => {
    await using server = await startNatsServer({ config: "max_payload: 65536" });
    expect(await refusal(server.url)).toMatchObject({
      code: "E_SERVER_UNSUITABLE",
      details: { maxPayload: 65_536 },
    });
  });

  it("more replicas than there are servers are refused", async () => {
    const error = await openNats(url(), { replicas: 3 }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "E_SERVER_UNSUITABLE" });
  });

  it("a user without permission is told what is forbidden, and not left waiting", async () => {
    const permissions = 'permissions: { publish: { deny: ["mr.*.log.>"] } }';
    const users = `users: [ { user: ada, password: x, ${permissions} } ]`;
    await using server = await startNatsServer({ config: `authorization { ${users} }` });
    const store = await openNats(server.url.replace("//", "//ada:x@"));
    const appending = store.log.append(frame("a", 0, "x"));
    await expect(appending).rejects.toMatchObject({ code: "E_SERVER_UNSUITABLE" });
    await store.close();
  });

  it("describe says version, limits and how durable it is", async () => {
    const store = await openNats(url());
    expect(await store.describe()).toMatchObject({
      server: { version: expect.stringMatching(/^2\./) },
      jetstream: { limits: { max_streams: -1 } },
      durability: { storage: "file", replicas: 1, syncInterval: null },
    });
    await store.close();
  });
});

describe("nats: subjects", () => {
  const hostile = ["*", ">", "a.b", "a.*", "", "a b", "a\r\nPUB x 0\r\n", "é", "x".repeat(5_000)];

  const shown = hostile.map((id) => [id.slice(0, 20), id] as const);

  it.each(shown)("id %j is refused before anything is sent", async (_shown, id) => {
    const namespace = freshNamespace();
    const store = await openNats(url(), { namespace });
    await using admin = await operator(url());
    await put(store.log, frame("a", 0, "other"));
    await store.inbox.post("a", encode("other"));
    const sent: string[] = [];
    admin.connection.subscribe(`mr.${namespace}.>`, {
      callback: (_error, msg) => void sent.push(msg.subject),
    });
    await admin.connection.flush();
    const ticket = { workflow: "flow", run: id };
    const calls: readonly (() => Promise<unknown>)[] = [
      () => store.log.append(frame(id, 0, "x")),
      () => store.log.append(frame("b", 0, "x", id)),
      () => readAll(store.log, { run: id }),
      () => readAll(store.log, { workflow: id }),
      () => store.log.head(id),
      () => store.log.erase(id),
      () => store.inbox.post(id, encode("x")),
      () => store.inbox.read(id, 0),
      () => store.inbox.discard(id, 1_000),
      () => store.queue.offer(ticket),
      () => store.queue.offer(ticket, 9e12),
      () => store.queue.offer({ workflow: id, run: "b" }),
      () => store.queue.claim({ workflows: [id], max: 1, signal: never }),
      () => store.nodes.alive(id),
      () => store.nodes.withdraw(id),
      () => openNats(url(), { namespace: id }),
      () => openNats(url(), { node: id }),
    ];
    for (const call of calls)
      await expect(Promise.resolve().then(call)).rejects.toMatchObject({ code: "E_ID_INVALID" });
    expect(bodies(await readAll(store.log))).toEqual(["other"]);
    expect((await store.inbox.read("a", 0)).length).toBe(1);
    await admin.connection.flush();
    expect(sent).toEqual([]);
    await store.close();
  });

  it("a token that is none of this queue's is not published to", async () => {
    await using server = await startNatsServer();
    const store = await openNats(server.url);
    await using admin = await operator(server.url);
    const sent: string[] = [];
    for (const subject of ["$JS.ACK.>", "secret"])
      admin.connection.subscribe(subject, {
        callback: (_error, msg) => void sent.push(msg.subject),
      });
    await admin.connection.flush();
    const tokens = [
      "secret",
      "$JS.ACK.OTHER.RUN_flow.1.1.1.1.0",
      "$JS.ACK.>",
      "$JS.ACK.*.*.1.1.1.1.0",
    ];
    for (const token of tokens) await store.queue.reclaim(token);
    await admin.connection.flush();
    expect(sent).toEqual([]);
    await store.close();
  });
});

describe("nats: what others put on its subjects", () => {
  it("is no ticket, timer, input or node, and stops nothing", async () => {
    const namespace = freshNamespace();
    const store = await openNats(url(), { namespace });
    await using admin = await operator(url());
    const heard: number[] = [];
    await store.inbox.watch(
      "a",
      ({ position }) => void heard.push(position),
      () => undefined,
    );
    const base = `mr.${namespace}`;
    const foreign = [
      "work.run.flow.*",
      "work.run.flow.a$b",
      "due.flow.*",
      "live.in.a",
      "live.log.flow.a",
    ];
    for (const subject of foreign) admin.connection.publish(`${base}.${subject}`, "{");
    admin.connection.publish(`$KV.MR_${namespace}_NODES.x`, "{");
    admin.connection.publish(`${base}.reclaimed`, "nonsense");
    await admin.connection.flush();
    expect(await store.nodes.list()).toEqual([]);
    await store.queue.offer({ workflow: "flow", run: "a" });
    const claims = await claimOf(store, 10);
    expect(claims.map(({ ticket }) => ticket.run)).toEqual(["a"]);
    const position = await store.inbox.post("a", encode("x"));
    await expect.poll(() => heard).toEqual([position]);
    await store.close();
  });
});

describe("nats: erasing", () => {
  it("an erasing that was interrupted is finished before the run can begin anew", async () => {
    const namespace = freshNamespace();
    const store = await openNats(url(), { namespace });
    await using admin = await operator(url());
    let head = 0;
    for (let nth = 0; nth < 5; nth += 1) head = await put(store.log, frame("a", head, "old"));
    // What an eraser leaves that dies after its first step.
    admin.connection.publish(`mr.${namespace}.log._erased.a`);
    await admin.connection.flush();
    await expect(store.log.append(frame("a", head, "late"))).rejects.toMatchObject({
      code: "E_RUN_ERASED",
    });
    const tombstone = await store.log.head("a");
    await put(store.log, frame("a", tombstone, "new"));
    expect(bodies(await readAll(store.log, { run: "a" }))).toEqual(["new"]);
    await store.close();
  });

  it("of an erased run the server gives nothing but its tombstone, however asked", async () => {
    const namespace = freshNamespace();
    const store = await openNats(url(), { namespace });
    await using admin = await operator(url());
    let head = 0;
    for (let nth = 0; nth < 5; nth += 1) head = await put(store.log, frame("a", head, "secret"));
    await store.log.erase("a");
    const stream = `MR_${namespace}_LOG`;
    const { state } = await admin.manager.streams.info(stream, { subjects_filter: ">" });
    expect(state.subjects).toEqual({ [`mr.${namespace}.log._erased.a`]: 1 });
    for (let seq = 1; seq <= head; seq += 1)
      expect(await admin.manager.streams.getMessage(stream, { seq })).toBe(null);
    await store.close();
  });
});

describe("nats: processes", () => {
  it("a killed process is known dead at once, and its ticket can be given back", async () => {
    const namespace = freshNamespace();
    const store = await openNats(url(), { namespace });
    await store.queue.offer({ workflow: "flow", run: "a" });
    const holder = fork(join(import.meta.dirname, "nats-holder.ts"), [url(), namespace, "holder"]);
    onTestFinished(() => void holder.kill("SIGKILL"));
    const token = await new Promise<string>((resolve) =>
      holder.once("message", resolve as () => void),
    );
    expect(await store.nodes.alive("holder")).toBe(true);
    await killed(holder);
    await expect.poll(() => store.nodes.alive("holder")).toBe(false);
    await store.queue.reclaim(token);
    const [claim] = await claimOf(store);
    expect(claim?.ticket.run).toBe("a");
    await claim?.ack();
    await store.close();
  });
});

async function killed(child: ChildProcess): Promise<void> {
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await gone;
}
