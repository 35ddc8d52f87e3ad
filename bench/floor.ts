/** What the store itself costs, in the same run: the same frames, with nothing around them. */
import { closeSync, fdatasyncSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { jetstream, jetstreamManager, StorageType } from "@nats-io/jetstream";
import { connect, nanos } from "@nats-io/transport-node";
import { inParallel, percentile, rounded } from "./measure.ts";

const FRAME = Buffer.alloc(400, "x");
const FRAMES = 4_000;

async function timed(
  width: number,
  work: (index: number) => Promise<void>,
): Promise<{ perSecond: number; p50Ms: number }> {
  const samples: number[] = [];
  const began = performance.now();
  await inParallel(FRAMES, width, async (index) => {
    const before = performance.now();
    await work(index);
    samples.push(performance.now() - before);
  });
  const seconds = (performance.now() - began) / 1000;
  return { perSecond: Math.round(FRAMES / seconds), p50Ms: rounded(percentile(samples, 0.5), 3) };
}

export interface Floor {
  readonly what: string;
  readonly one: { perSecond: number; p50Ms: number };
  readonly fifty?: { perSecond: number; p50Ms: number };
}

/** One write and one fdatasync after the other, to a file of its own. */
export async function fsyncFloor(folder: string): Promise<Floor> {
  const file = openSync(join(folder, "floor"), "w");
  const one = await timed(1, async () => {
    writeSync(file, FRAME);
    fdatasyncSync(file);
  });
  closeSync(file);
  return { what: "write and fdatasync of 400 bytes", one };
}

/** Publishes with an expected revision, from the client that millrace uses, with default calls. */
export async function publishFloor(url: string): Promise<Floor> {
  const connection = await connect({ servers: url, noAsyncTraces: true });
  const manager = await jetstreamManager(connection);
  await manager.streams.add({
    name: "BENCH_FLOOR",
    subjects: ["bench.floor.*"],
    storage: StorageType.File,
    duplicate_window: nanos(1_000),
  });
  const js = jetstream(connection);
  const heads = new Map<number, number>();
  const lanes = (width: number) =>
    timed(width, async (index) => {
      // A subject per publish in flight: what one lane writes, no other expects.
      const lane = width * 1_000_000 + index;
      const expect = { lastSubjectSequence: heads.get(lane) ?? 0 };
      const ack = await js.publish(`bench.floor.${lane}`, FRAME, { expect });
      heads.set(lane, ack.seq);
    });
  const [one, fifty] = [await lanes(1), await lanes(50)];
  await manager.streams.delete("BENCH_FLOOR");
  await connection.close();
  return { what: "publish of 400 bytes with expected revision", one, fifty };
}
