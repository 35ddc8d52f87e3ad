/** `millrace events`: what was recorded of a run, or of many, and with `--follow` what is from now on. */
import { type Command, InvalidArgumentError } from "commander";
import type { EventFilter } from "../../client/following/event-filter.ts";
import type { From } from "../../client/following/start-place.ts";
import { toCloudEvent } from "../../events/cloud-event.ts";
import type { EventType } from "../../events/vocabulary.ts";
import { MillraceError } from "../../kernel/errors.ts";
import { printCursor } from "../../ports/cursor.ts";
import type { Cli } from "../cli.ts";
import { eventLine } from "../event-line.ts";
import { placeArgument } from "../moment-argument.ts";
import { openExisting, type StoreFlags, settingsOf, withStoreFlags } from "../settings.ts";

interface EventsFlags extends StoreFlags {
  readonly all?: true;
  readonly workflow?: string;
  readonly label?: Readonly<Record<string, string>>;
  readonly type?: readonly string[];
  readonly step?: readonly string[];
  readonly from?: From;
  readonly follow?: true;
  readonly cloudevents?: true;
  readonly source?: string;
}

/** Adds the command to the program. */
export function registerEvents(program: Command, cli: Cli): void {
  withStoreFlags(program.command("events"))
    .description("print the events of a run, or of many; with --json one line of JSON each")
    .argument("[run]", "the run's id")
    .option("--all", "of all runs, or of those that the following leaves")
    .option("--workflow <name>", "of runs of this workflow")
    .option("--label <name=value>", "of runs with this label; may be repeated", label)
    .option("--type <type>", "of this type, such as step.failed; may be repeated", several)
    .option("--step <step>", "about this step, its items and its undo; may be repeated", several)
    .option(
      "--from <place>",
      "begin at: start, now, a seq of the run, position:N, or a time (default: start)",
      placeArgument,
    )
    .option("--follow", "go on with new ones: until the run ends, or without end")
    .option("--cloudevents", "write CloudEvents 1.0, one line of JSON each")
    .option("--source <uri>", "the source of CloudEvents (default: /millrace/NAMESPACE)")
    .action((run: string | undefined, flags: EventsFlags) => printEvents(cli, run, flags));
}

const several = (value: string, before: readonly string[] = []): readonly string[] => [
  ...before,
  value,
];

function label(text: string, before: Readonly<Record<string, string>> = {}) {
  const at = text.indexOf("=");
  if (at < 1) throw new InvalidArgumentError("It must be NAME=VALUE.");
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
}

async function printEvents(cli: Cli, run: string | undefined, flags: EventsFlags): Promise<void> {
  const settings = settingsOf(flags, cli.env);
  const filter = filterOf(run, flags);
  const { output } = cli;
  await using millrace = await openExisting(settings);
  const began = run === undefined ? undefined : (await millrace.get(run)).createdAt;
  const source = flags.source ?? `/millrace/${settings.namespace}`;
  const events = millrace.subscribe({
    ...filter,
    ...(flags.from === undefined ? {} : { from: flags.from }),
    live: flags.follow === true,
    signal: output.gone,
  });
  for await (const event of events) {
    if (flags.cloudevents) output.json(toCloudEvent(event, { source }));
    else if (settings.json) output.json(event);
    else output.print(eventLine(event, began));
  }
  const { cursor } = events;
  if (run !== undefined || cursor === undefined || typeof cursor === "number") return;
  output.note(`to go on behind these events: --from position:${printCursor(behind(cursor))}`);
}

/** The first positions that were not read; 0 where there was nothing to read. */
const behind = (cursor: readonly number[]): readonly number[] =>
  cursor.map((position) => (position === 0 ? 0 : position + cursor.length));

/** @throws MillraceError `E_OPTION_INVALID` when it is not said which runs are meant, or said twice */
function filterOf(run: string | undefined, flags: EventsFlags): EventFilter {
  const { all, workflow, label: labels, step: steps } = flags;
  // Whether there is such an event, the client says.
  const types = flags.type as readonly EventType[] | undefined;
  const many = all === true || workflow !== undefined || labels !== undefined;
  if ((run !== undefined) === many) {
    throw new MillraceError(
      "E_OPTION_INVALID",
      many
        ? "name one run, or say which ones with --all, --workflow, --label; not both"
        : "name a run, or give --all, --workflow or --label",
    );
  }
  const given = { run, workflow, labels, types, steps };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}
