/** `millrace placements`: where a run's steps were placed and why, and where another strategy would have. */
import type { Command } from "commander";
import { type Choice, HOST_FIRST } from "../../cluster/choose.ts";
import { STRATEGIES } from "../../engine/nodes/cluster.ts";
import type { RecordedEvent } from "../../events/vocabulary.ts";
import { MillraceError } from "../../kernel/errors.ts";
import { type ReplayedPlacement, replayPlacements } from "../../projections/placements.ts";
import type { Cli } from "../cli.ts";
import { table } from "../render.ts";
import { openExisting, type StoreFlags, settingsOf, withStoreFlags } from "../settings.ts";

interface PlacementFlags extends StoreFlags {
  readonly strategy?: string;
}

/** Those that are there without being given to `open()`. */
const NAMES = [HOST_FIRST, ...STRATEGIES.map(({ name }) => name)];

/** Adds the command to the program. */
export function registerPlacements(program: Command, cli: Cli): void {
  withStoreFlags(program.command("placements"))
    .description(
      "list where a run's steps were placed and why, or what another strategy would have done",
    )
    .argument("<run>", "the run's id")
    .option("--strategy <name>", `${NAMES.slice(0, -1).join(", ")} or ${NAMES.at(-1)}`)
    .action((run: string, flags: PlacementFlags) => placements(cli, run, flags));
}

async function placements(
  cli: Cli,
  run: string,
  { strategy: name, ...flags }: PlacementFlags,
): Promise<void> {
  const settings = settingsOf(flags, cli.env);
  if (name !== undefined && !NAMES.includes(name)) {
    const message = `--strategy ${name}: there is no such strategy here; known are ${NAMES.join(", ")}`;
    throw new MillraceError("E_OPTION_INVALID", message, { details: { option: "strategy" } });
  }
  await using millrace = await openExisting(settings);
  await millrace.get(run);
  const events: RecordedEvent[] = [];
  for await (const event of millrace.handle(run).events({ live: false })) events.push(event);
  const strategy = STRATEGIES.find((one) => one.name === name);
  const all = [...replayPlacements(events, strategy)];
  const { output } = cli;
  if (settings.json) return output.json(name === undefined ? all.map(asMade) : all);
  if (all.length === 0) return output.print(`run ${run} had nothing to choose: no step was placed`);
  const head = ["step", "attempt", "node", "why", ...(name === undefined ? [] : [name])];
  const rows = all.map((one) => [
    one.step,
    String(one.attempt),
    one.node,
    `${one.strategy}: ${one.reason}`,
    ...(name === undefined ? [] : [otherText(one)]),
  ]);
  for (const line of table([head, ...rows], output.paint)) output.print(line);
  if (name === undefined) return;
  const same = all.filter((one) => one.same).length;
  output.print(`${name} would have chosen the same node for ${same} of ${all.length}`);
}

const asMade = ({ other: _other, same: _same, ...made }: ReplayedPlacement) => made;

const otherText = ({ other, same }: ReplayedPlacement): string =>
  same ? "the same" : choiceText(other);

function choiceText(other: Choice): string {
  if ("node" in other) return `${other.node}${other.now ? "" : ", in its line"}: ${other.reason}`;
  return "never" in other ? `nowhere: ${other.never}` : `it waits: ${other.reason}`;
}
