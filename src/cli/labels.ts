/** Labels on the command line: `--label name=value`, as often as there are any. */
import { InvalidArgumentError } from "commander";

/** For commander: the labels so far, and one more. */
export function labels(
  text: string,
  all: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> {
  const at = text.indexOf("=");
  if (at < 1) throw new InvalidArgumentError("It must be name=value.");
  return { ...all, [text.slice(0, at)]: text.slice(at + 1) };
}
