/**
 * Runs a cluster of three real nats-servers. What they say to each other goes through this process, so any
 * of them can be cut off from the others: nothing is refused then, it just does not arrive, as when a
 * switch fails. Their clients reach them all the same.
 */
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { connect as connectNats, type NatsConnection, TimeoutError } from "@nats-io/transport-node";
import { pause, systemClock } from "../src/kernel/clock.ts";
import { freePort, type NatsServer, startNatsServer } from "./nats-server.ts";

/** How many there are: the fewest of which one may fail. */
const MEMBERS = 3;
/** How long the first election may take, and one answer; and how often to ask. */
const [PATIENCE_MS, ANSWER_MS, LOOK_MS] = [30_000, 1_000, 50];
const clock = systemClock();

export interface NatsCluster extends AsyncDisposable {
  readonly members: readonly NatsServer[];
  /** The addresses of all of them. */
  readonly url: string;
  /** Nothing arrives any more of what this member and the others send each other. */
  cutOff(member: number): void;
  /** It arrives again, also what was sent meanwhile. */
  rejoin(member: number): void;
  stop(): Promise<void>;
}

/**
 * Members listen for each other where gossip does not look: they tell each other the address that they
 * see, which is that of a cable's end, with the other's port; there must be nobody.
 */
const HIDDEN_HOST = "127.0.0.2";

/** Starts three members with empty stores, and cables from each to each other. Resolves when they work. */
export async function startNatsCluster(): Promise<NatsCluster> {
  const ids = Array.from({ length: MEMBERS }, (_, nth) => nth);
  const ports = await Promise.all(ids.map(() => freePort(HIDDEN_HOST)));
  const cables = await Promise.all(
    ids.flatMap((from) =>
      ids.filter((to) => to !== from).map((to) => layCable(from, to, ports[to] ?? 0)),
    ),
  );
  const members = await Promise.all(
    ids.map((id) => {
      const routes = cables.filter(({ from }) => from === id).map(({ url }) => url);
      const listen = `${HIDDEN_HOST}:${ports[id]}`;
      const cluster = `cluster { name: test, listen: "${listen}", no_advertise: true, routes: [${routes.join(", ")}] }`;
      return startNatsServer({ config: `server_name: member-${id}\n${cluster}` });
    }),
  );
  await Promise.all(members.map(({ port }) => until(port, isLed)));
  const [first] = members;
  if (first !== undefined) await until(first.port, isWhole);
  const of = (member: number) => cables.filter(({ from, to }) => from === member || to === member);
  const stop = async (): Promise<void> => {
    await Promise.all(members.map((member) => member.stop()));
    await Promise.all(cables.map((cable) => cable.close()));
  };
  return {
    members,
    url: members.map(({ url }) => url).join(","),
    cutOff: (member) => {
      for (const cable of of(member)) cable.hold();
    },
    rejoin: (member) => {
      for (const cable of of(member)) cable.release();
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** Resolves when it is so for the member. */
async function until(
  port: number,
  isSo: (connection: NatsConnection) => Promise<boolean>,
): Promise<void> {
  const connection = await connectNats({ servers: `127.0.0.1:${port}` });
  const deadline = clock.mono() + PATIENCE_MS;
  while (!(await isSo(connection))) {
    if (clock.mono() > deadline) throw new Error("the members of the cluster do not find together");
    await pause(clock, LOOK_MS);
  }
  await connection.close();
}

/** It knows who leads: before, it answers nothing about streams. */
const isLed = (connection: NatsConnection): Promise<boolean> => succeeds(connection, "INFO", "");

/** Whoever leads knows all members: a stream with a replica on each can be made. */
async function isWhole(connection: NatsConnection): Promise<boolean> {
  const probe = { name: "probe", subjects: ["probe"], num_replicas: MEMBERS };
  const made = await succeeds(connection, "STREAM.CREATE.probe", JSON.stringify(probe));
  if (made) await succeeds(connection, "STREAM.DELETE.probe", "");
  return made;
}

async function succeeds(
  connection: NatsConnection,
  question: string,
  said: string,
): Promise<boolean> {
  try {
    const reply = await connection.request(`$JS.API.${question}`, said, { timeout: ANSWER_MS });
    return !("error" in reply.json<object>());
  } catch (error) {
    if (error instanceof TimeoutError) return false;
    throw error;
  }
}

/** A connection that one member opens to another, through this process. */
interface Cable {
  readonly from: number;
  readonly to: number;
  readonly url: string;
  hold(): void;
  release(): void;
  close(): Promise<void>;
}

async function layCable(from: number, to: number, port: number): Promise<Cable> {
  const sockets = new Set<Socket>();
  let held = false;
  const server: Server = createServer((near) => {
    const far = connect(port, HIDDEN_HOST);
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(socket);
      // Whatever went wrong, the other end learns it by the closing.
      socket.on("error", () => other.destroy());
      socket.on("close", () => {
        sockets.delete(socket);
        other.destroy();
      });
      socket.on("data", (bytes) => other.write(bytes));
      if (held) socket.pause();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    from,
    to,
    url: `nats-route://127.0.0.1:${(server.address() as AddressInfo).port}`,
    hold() {
      held = true;
      for (const socket of sockets) socket.pause();
    },
    release() {
      held = false;
      for (const socket of sockets) socket.resume();
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
