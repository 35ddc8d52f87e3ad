/** The live feed as a program of one's own hears it, on a plain NATS connection. */
import { expect, it } from "vitest";
import { graph, open, type RecordedEvent } from "../../src/index.ts";
import { systemIds } from "../../src/kernel/ids.ts";
import { silentLogger } from "../../src/kernel/logger.ts";
import { type LiveFrame, liveFrame, liveSubject } from "../../src/nats.ts";
import { all, until } from "../engine/kit/scene.ts";
import { sharedNatsServer } from "../support/nats-server.ts";
import { operator } from "./nats-kit.ts";

const url = sharedNatsServer();
const echo = graph<unknown>("echo")
  .step("only", (_ctx, input) => input)
  .build();
const other = graph<unknown>("other")
  .step("only", (_ctx, input) => input)
  .build();

it("tells what is stored, by workflow and run, each frame with the one before it", async () => {
  const namespace = `feed-${systemIds()}`;
  const millrace = await open({
    store: url(),
    namespace,
    workflows: [echo, other],
    logger: silentLogger,
  });
  await using listening = await operator(url());
  const heard = new Map<string, LiveFrame[]>();
  const listen = (name: string, subject: string): void => {
    const frames: LiveFrame[] = [];
    heard.set(name, frames);
    listening.connection.subscribe(subject, {
      callback: (_error, message) => {
        const frame = liveFrame(message);
        if (frame !== undefined) frames.push(frame);
      },
    });
  };
  listen("all", liveSubject({ namespace }));
  listen("echo", liveSubject({ namespace, workflow: "echo" }));
  listen("one", liveSubject({ namespace, run: "two" }));
  await listening.connection.flush();
  await (await millrace.start(echo, 1, { id: "one" })).result();
  await (await millrace.start(other, 2, { id: "two" })).result();
  const log = await all(millrace.subscribe({ live: false }));
  const events = (name: string): RecordedEvent[] =>
    (heard.get(name) ?? []).flatMap((frame) => [...frame.events]);
  await until("all is heard", () => events("all").length === log.length);
  expect(events("all")).toEqual(log);
  expect(events("echo")).toEqual(log.filter(({ workflow }) => workflow === "echo"));
  expect(events("one")).toEqual(log.filter(({ run }) => run === "two"));
  let previous = 0;
  for (const frame of heard.get("one") ?? []) {
    expect(frame).toMatchObject({ run: "two", workflow: "other", previous });
    previous = frame.position;
  }
  await millrace.store.log.erase("one");
  listening.connection.publish(liveSubject({ namespace, workflow: "echo", run: "one" }), "stray");
  await listening.connection.flush();
  await millrace.close();
  expect(events("all")).toEqual(log);
});

it("has a subject for every part of it", () => {
  expect(liveSubject()).toBe("mr.default.live.log.*.*");
  expect(liveSubject({ namespace: "n", run: "r" })).toBe("mr.n.live.log.*.r");
  expect(liveSubject({ workflow: "w", run: "r" })).toBe("mr.default.live.log.w.r");
  expect(() => liveSubject({ run: "*" })).toThrow("run id");
});
