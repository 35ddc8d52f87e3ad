/**
 * `npx node bench/large-value.ts [--mb 100]`: a value of 100 MB from one process to another, over every
 * store, once as a result that lives on its node and once as a stream of partial outputs. What counts is
 * how much memory either side takes for it, beside what it has anyway.
 */
import { fork } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { startNatsServer } from "../scripts/nats-server.ts";
import type { Engine } from "../src/engine/engine.ts";
import { Journal } from "../src/engine/reading/journal.ts";
import { Projector } from "../src/engine/reading/projector.ts";
import { plainCodec } from "../src/events/frame.ts";
import { systemClock } from "../src/kernel/clock.ts";
import { systemIds } from "../src/kernel/ids.ts";
import { silentLogger } from "../src/kernel/logger.ts";
import { systemRandom } from "../src/kernel/random.ts";
import { outputIndex } from "../src/projections/output-index.ts";
import { openStore } from "../src/runtime/open-store.ts";
import { DataLocationRegistry } from "../src/stores/data-locations.ts";
import { OutputStore } from "../src/stores/output-store.ts";
import { ResultStore } from "../src/stores/result-store.ts";
import { rounded } from "./measure.ts";

const { values: flags } = parseArgs({
  options: {
    mb: { type: "string", default: "100" },
    stores: { type: "string", default: "sqlite,nats" },
    make: { type: "string" },
  },
});
const world = { clock: systemClock(), random: systemRandom, ids: systemIds };
const PIECE = 512 * 1024;
const COUNT = (Number(flags.mb) * 1024 * 1024) / PIECE;
const RUN = "large";

/** The value, made as it is read: piece n is n, again and again. */
function* pieces(): Generator<Uint8Array, void, undefined> {
  for (let nth = 0; nth < COUNT; nth++) yield Buffer.alloc(PIECE, nth & 255);
}

async function storesAt(address: string, node: string) {
  const store = await openStore(address, { namespace: "default", node, world });
  const codecs = [plainCodec] as const;
  const engine: Engine = { store, world, node, logger: silentLogger, codec: plainCodec, codecs };
  const journal = new Journal(engine);
  return {
    outputs: new OutputStore(engine, journal, new Projector(engine, outputIndex)),
    results: new ResultStore(engine, journal, new DataLocationRegistry(engine, journal)),
    close: () => store.close(),
  };
}

/** Watches the memory of this process. */
function memory(): () => number {
  const before = process.memoryUsage().rss;
  let most = before;
  const timer = setInterval(() => {
    most = Math.max(most, process.memoryUsage().rss);
  }, 5);
  return () => {
    clearInterval(timer);
    return rounded((Math.max(most, process.memoryUsage().rss) - before) / 1024 ** 2, 0);
  };
}

/** The other process: makes the value both ways, and stays until it is told to end. */
async function make(address: string): Promise<void> {
  const { outputs, results, close } = await storesAt(address, "maker");
  let used = memory();
  await results.storeStream(RUN, "value", pieces());
  process.send?.({ makerMb: used() });
  await once(process, "message");
  used = memory();
  for (const piece of pieces()) {
    const chunk = Buffer.from(piece).toString("latin1");
    await outputs.append(RUN, 1, "maker", { type: "partial", chunk });
  }
  const content = { kind: "inline", value: "done" } as const;
  await outputs.append(RUN, 1, "maker", { type: "final", content, ok: true });
  process.send?.({ makerMb: used() });
  await once(process, "message");
  await close();
  process.disconnect?.();
}

interface Passed {
  readonly store: string;
  readonly how: string;
  readonly seconds: number;
  readonly makerMb: number;
  readonly readerMb: number;
}

async function pass(store: string, address: string): Promise<readonly Passed[]> {
  const child = fork(fileURLToPath(import.meta.url), ["--make", address, "--mb", flags.mb]);
  const told = async (): Promise<{ makerMb: number }> => (await once(child, "message"))[0];
  const { outputs, results, close } = await storesAt(address, "reader");
  const right = createHash("sha256");
  for (const piece of pieces()) right.update(piece);
  const expected = right.digest("hex");

  const kept = await told();
  let [used, began, hash] = [memory(), performance.now(), createHash("sha256")];
  for await (const piece of await results.readStream(RUN, "value")) hash.update(piece);
  if (hash.digest("hex") !== expected) throw new Error("the value came as another one");
  const asResult = { seconds: rounded((performance.now() - began) / 1_000), readerMb: used() };

  [used, began, hash] = [memory(), performance.now(), createHash("sha256")];
  child.send("stream");
  for await (const { event } of outputs.stream(RUN, { attempt: 1 })) {
    if (event.type === "partial") hash.update(Buffer.from(String(event.chunk), "latin1"));
  }
  if (hash.digest("hex") !== expected) throw new Error("the outputs came as others");
  const asStream = { seconds: rounded((performance.now() - began) / 1_000), readerMb: used() };
  const { makerMb } = await told();
  child.send("end");
  await once(child, "exit");
  await close();
  return [
    { store, how: "result on its node", ...asResult, ...kept },
    { store, how: "stream of partials", ...asStream, makerMb },
  ];
}

if (flags.make !== undefined) await make(flags.make);
else {
  const folder = mkdtempSync(join(tmpdir(), "millrace-large-"));
  const server = flags.stores.includes("nats") ? await startNatsServer() : undefined;
  try {
    const rows: Passed[] = [];
    for (const store of flags.stores.split(",")) {
      const address = store === "nats" ? server?.url : `sqlite:${join(folder, "large.db")}`;
      rows.push(...(await pass(store, address ?? "")));
    }
    console.table(rows);
  } finally {
    await server?.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}
