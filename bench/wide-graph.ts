/** One run of many steps, a thousand wide: does a step cost the same at the end as at the beginning? */
import { type GraphBuilder, graph, open, type Workflow } from "../src/index.ts";
import { rounded } from "./measure.ts";

const WIDTH = 1_000;
const LAYERS = 10;
const SLOTS = 64;

export interface WideGraph {
  readonly steps: number;
  /** CPU milliseconds of this process per thousand steps, in the order in which they ran. */
  readonly thousandsMs: readonly number[];
  /** The last thousand over the first; must not be above 1.5. */
  readonly growth: number;
}

/** Every step needs two of the layer before it, the first layer two roots; layers are a thousand wide. */
function wide(began: () => void): Workflow<unknown> {
  let builder: GraphBuilder<unknown, unknown, Record<string, unknown>, unknown, never> = graph(
    "wide",
  );
  builder = builder.step("root-a", () => null).step("root-b", () => null);
  for (let layer = 0; layer < LAYERS; layer++) {
    for (let at = 0; at < WIDTH; at++) {
      const above = `s${layer - 1}-`;
      const needs =
        layer === 0 ? ["root-a", "root-b"] : [`${above}${at}`, `${above}${(at + 1) % WIDTH}`];
      builder = builder.step(`s${layer}-${at}`, { needs }, () => began());
    }
  }
  return builder.build();
}

/** @param store its address */
export async function wideGraph(store: string): Promise<WideGraph> {
  const used: number[] = [];
  const workflow = wide(() => used.push(cpuMs()));
  const millrace = await open({ store, workflows: [workflow], worker: { steps: SLOTS } });
  const warmUp = await millrace.start("wide");
  await warmUp.result();
  used.length = 0;
  await (await millrace.start("wide")).result();
  await millrace.close();
  const thousandsMs: number[] = [];
  for (let end = WIDTH; end <= used.length; end += WIDTH) {
    // What the start of a run costs is not the first step's.
    const from = used[Math.max(0, end - WIDTH - 1)] ?? 0;
    thousandsMs.push(rounded((used[end - 1] ?? 0) - from, 0));
  }
  const growth = rounded((thousandsMs.at(-1) ?? 0) / (thousandsMs[0] ?? 1));
  return { steps: used.length, thousandsMs, growth };
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}
