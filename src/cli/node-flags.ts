/** The flags that say what a worker process is and has. */
import { type Command, InvalidArgumentError } from "commander";
import type { OpenOptions } from "../runtime/options.ts";
import { wholeNumber } from "./settings.ts";

/** As commander parses them. */
export interface NodeFlags {
  readonly node?: string;
  readonly steps?: number;
  readonly runs?: number;
  readonly resource?: Readonly<Record<string, number>>;
  readonly label?: Readonly<Record<string, string>>;
}

/** Adds the flags to a command. */
export const withNodeFlags = (command: Command): Command =>
  command
    .option("--node <id>", "the id of this process (default: a new one)")
    .option("--steps <count>", "steps at once (default: 64)", wholeNumber(1))
    .option("--runs <count>", "runs hosted at once (default: 1000)", wholeNumber(1))
    .option("--resource <name=amount>", "what steps can have here, repeatable", amount)
    .option("--label <name=value>", "what steps may look for in a node, repeatable", label);

/** The options of `open()` that the flags mean; it checks them. */
export const nodeOptions = ({ node, steps, runs, resource, label }: NodeFlags): OpenOptions => ({
  ...(node === undefined ? {} : { node }),
  ...(resource === undefined ? {} : { resources: resource }),
  ...(label === undefined ? {} : { labels: label }),
  worker: {
    ...(steps === undefined ? {} : { steps }),
    ...(runs === undefined ? {} : { runs }),
  },
});

function amount(text: string, before: Readonly<Record<string, number>> = {}): typeof before {
  const [name, value] = pair(text);
  const number = value === "" ? Number.NaN : Number(value);
  if (!Number.isFinite(number)) throw new InvalidArgumentError("must be NAME=AMOUNT");
  return { ...before, [name]: number };
}

function label(text: string, before: Readonly<Record<string, string>> = {}): typeof before {
  const [name, value] = pair(text);
  return { ...before, [name]: value };
}

function pair(text: string): readonly [name: string, value: string] {
  const at = text.indexOf("=");
  if (at < 1) throw new InvalidArgumentError("must be NAME=VALUE");
  return [text.slice(0, at), text.slice(at + 1)];
}
