/** `millrace nodes`: the processes that are there, what each has, and what of it is free. */
import type { Command } from "commander";
import { pause } from "../../kernel/clock.ts";
import type { NodeInfo } from "../../ports/node-registry.ts";
import type { Millrace } from "../../runtime/open.ts";
import type { Cli } from "../cli.ts";
import { LiveRegion } from "../live-region.ts";
import { type Cell, duration, header, table } from "../render.ts";
import { openExisting, type StoreFlags, settingsOf, withStoreFlags } from "../settings.ts";
import { stopSignals } from "../stop-signals.ts";

interface NodesFlags extends StoreFlags {
  readonly watch?: true;
}

const LOOK_EVERY_MS = 500;

/** Adds the command to the program. */
export function registerNodes(program: Command, cli: Cli): void {
  withStoreFlags(program.command("nodes"))
    .description("list the processes that are there, with what they have and what of it is free")
    .option("--watch", "go on until SIGINT; with --json one line of JSON for each change")
    .action((flags: NodesFlags) => listNodes(cli, flags));
}

async function listNodes(cli: Cli, flags: NodesFlags): Promise<void> {
  const settings = settingsOf(flags, cli.env);
  await using millrace = await openExisting(settings);
  if (flags.watch === true) return await watchNodes(cli, millrace, settings.json);
  const nodes = await millrace.nodes();
  const { output } = cli;
  if (settings.json) return output.json(nodes);
  if (nodes.length === 0) return output.note("no nodes");
  for (const line of rows(nodes, cli)) output.print(line);
}

async function watchNodes(cli: Cli, millrace: Millrace, json: boolean): Promise<void> {
  const { clock, output } = cli;
  let nodes: readonly NodeInfo[] = [];
  const region = new LiveRegion(output, clock, (max) => rows(nodes, cli).slice(0, max));
  const asked = new AbortController();
  const stop = stopSignals(() => asked.abort());
  const over = AbortSignal.any([asked.signal, output.gone]);
  let before = "";
  while (!over.aborted) {
    nodes = await millrace.nodes();
    const facts = nodes.map(({ saidAt: _, ...rest }) => rest);
    const now = JSON.stringify(facts);
    if (now !== before && json) output.json(facts);
    // Where nothing is drawn in place, what has changed is printed anew.
    else if (now !== before && !output.redraws) region.above(rows(nodes, cli).join("\n"));
    before = now;
    await pause(clock, LOOK_EVERY_MS, over);
  }
  await region.close();
  stop.release();
}

const HEADER = header("NODE", "STATE", "FREE", "LABELS", "WORKFLOWS", "UP", "SAID");

function rows(nodes: readonly NodeInfo[], { clock, output }: Cli): string[] {
  const now = clock.now();
  const cells = nodes.map((node): readonly Cell[] => [
    node.id,
    node.draining ? { text: "draining", style: "yellow" } : { text: "alive", style: "green" },
    freeText(node),
    Object.entries(node.labels)
      .map(([name, value]) => `${name}=${value}`)
      .join(" "),
    codeText(node),
    duration(now - node.startedAt),
    `${duration(now - node.saidAt)} ago`,
  ]);
  return table([HEADER, ...cells], output.paint);
}

/** "bill order@v1 order@v2": versions that have a label, with it. */
function codeText({ workflows, versions = [] }: NodeInfo): string {
  const names = workflows.flatMap((workflow) => {
    const own = versions.filter((one) => one.workflow === workflow);
    if (own.length === 0) return [workflow];
    return own.map(({ label }) => (label === undefined ? workflow : `${workflow}@${label}`));
  });
  return names.join(" ");
}

/** "steps 63/64, cpu 2/4". */
const freeText = ({ resources, free }: NodeInfo): string =>
  Object.entries(resources)
    .map(([name, has]) => `${name} ${free[name] ?? 0}/${has}`)
    .join(", ");
