/** What the tests of the NATS adapter share: frames, a proxy that loses answers, an operator. */
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import { connect as connectNats, type NatsConnection } from "@nats-io/transport-node";
import type { EventLog, NewFrame, ReadRange, StoredFrame } from "../../src/ports/event-log.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export const text = (bytes: Uint8Array): string => decoder.decode(bytes);
export const encode = (body: string): Uint8Array => encoder.encode(body);

export const frame = (
  run: string,
  expected: number,
  body: string,
  workflow = "flow",
): NewFrame => ({ workflow, run, expected, bytes: encode(body) });

export async function put(log: EventLog, next: NewFrame): Promise<number> {
  const outcome = await log.append(next);
  if (!outcome.ok) throw new Error(`${next.run} after ${next.expected}: head is ${outcome.head}`);
  return outcome.position;
}

export async function readAll(log: EventLog, range: ReadRange = {}): Promise<StoredFrame[]> {
  const frames: StoredFrame[] = [];
  for await (const stored of log.read(range)) frames.push(stored);
  return frames;
}

export const bodies = (frames: readonly StoredFrame[]): string[] =>
  frames.map(({ bytes }) => text(bytes));

/** Someone with the administrator's tools, on a connection of their own. */
export interface Operator extends AsyncDisposable {
  readonly connection: NatsConnection;
  readonly manager: JetStreamManager;
}

export async function operator(url: string): Promise<Operator> {
  const connection = await connectNats({ servers: url });
  return {
    connection,
    manager: await jetstreamManager(connection),
    [Symbol.asyncDispose]: () => connection.close(),
  };
}

/** Stands between client and server; can lose what the server says, and cut all connections. */
export interface Proxy extends AsyncDisposable {
  readonly url: string;
  /** While deaf, what the server sends is lost; what the client sends goes through. */
  deaf: boolean;
  cut(): void;
}

export async function proxyTo(port: number): Promise<Proxy> {
  const sockets = new Set<Socket>();
  const proxy = { deaf: false };
  const server: Server = createServer((client) => {
    const upstream = connect(port, "127.0.0.1");
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("close", () => sockets.delete(socket));
    }
    client.on("error", () => upstream.destroy());
    upstream.on("error", () => client.destroy());
    client.on("close", () => upstream.destroy());
    upstream.on("close", () => client.destroy());
    client.on("data", (chunk) => upstream.write(chunk));
    upstream.on("data", (chunk) => proxy.deaf || client.write(chunk));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return Object.assign(proxy, {
    url: `nats://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut,
    async [Symbol.asyncDispose]() {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  });
}
