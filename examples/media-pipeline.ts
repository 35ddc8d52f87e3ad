/**
 * A video goes through steps of different appetites on two machines: compressing takes processors where the
 * file was fetched, transcribing takes a gpu that only the other machine has. Each machine admits what it has
 * room for; the log says where each step ran, and why there.
 * `examples/testing/media-pipeline.test.ts` runs it on every store.
 * Prints: fetch on render, compress on render, transcribe on speech; uploaded v1: 720p, 3 words
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { graph, open } from "../src/index.ts";

/** What is asked for: a video by its id. */
export interface Request {
  readonly video: string;
}

/** How long things take here (ms); real ones take minutes. */
const PACE_MS = 5;

const work = (signal: AbortSignal, ms: number): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });

/** Makes the result public, once per key. */
export type Publish = (key: string, what: string) => Promise<unknown>;

export const mediaAt = (paceMs: number, publish: Publish = async () => undefined) =>
  graph<Request>("media")
    .step(
      "fetch",
      { resources: { cpu: 1 }, labels: { storage: "fast" } },
      async (ctx, { video }) => {
        await work(ctx.signal, paceMs);
        return { video, file: `${video}.mov` };
      },
    )
    .step(
      "compress",
      { needs: ["fetch"], collocateWith: "fetch", resources: { cpu: 4, memory: 2_048 } },
      async (ctx, { fetch }) => {
        await work(ctx.signal, 2 * paceMs);
        return `720p of ${fetch.file}`;
      },
    )
    .step("audio", { needs: ["fetch"], resources: { cpu: 1 } }, async (ctx, { fetch }) => {
      await work(ctx.signal, paceMs);
      return `${fetch.video}.wav`;
    })
    .step("thumbnail", { needs: ["fetch"], resources: { cpu: 1 } }, (_ctx, { fetch }) => {
      return `${fetch.video}.png`;
    })
    .step("transcribe", { needs: ["audio"], resources: { gpu: 1 } }, async (ctx, { audio }) => {
      await work(ctx.signal, 2 * paceMs);
      return { of: audio, words: ["never", "gonna", "give"] };
    })
    .step(
      "upload",
      { needs: ["compress", "thumbnail", "transcribe", "fetch"] },
      async (ctx, { compress, transcribe, fetch }) => {
        const what = `${fetch.video}: ${compress.split(" ")[0]}, ${transcribe.words.length} words`;
        await publish(ctx.idempotencyKey, what);
        return `uploaded ${what}`;
      },
    )
    .step("notify", { needs: ["upload"] }, (_ctx, { upload }) => upload)
    .build();

if (import.meta.main) {
  const media = mediaAt(PACE_MS);
  const folder = mkdtempSync(join(tmpdir(), "millrace-media-"));
  const store = process.env["MILLRACE_STORE"] ?? `sqlite:${join(folder, "millrace.db")}`;
  const common = { store, workflows: [media] };
  {
    await using render = await open({
      ...common,
      node: "render",
      resources: { cpu: 8, memory: 4_096 },
      labels: { storage: "fast" },
    });
    await using _speech = await open({ ...common, node: "speech", resources: { cpu: 2, gpu: 1 } });
    const run = await render.start(media, { video: "v1" });
    const result = await run.result();
    const placed = (await run.get()).steps
      .filter(({ step }) => ["fetch", "compress", "transcribe"].includes(step))
      .map(({ step, node }) => `${step} on ${node}`);
    console.log(`${placed.join(", ")}; ${result}`);
  }
  rmSync(folder, { recursive: true, force: true });
}
