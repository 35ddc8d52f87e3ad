/** Values given on the command line: JSON text, or `@path` of a file that holds it. */
import { readFile } from "node:fs/promises";
import { MillraceError } from "../kernel/errors.ts";

/** The longest piece of a refused argument that its message repeats. */
const SHOWN = 60;

/**
 * The value that `argument` means; undefined when it is absent.
 * @param what which argument it is, for the message: "--input"
 * @throws MillraceError `E_NOT_JSON`, or `E_OPTION_INVALID` when the file cannot be read
 */
export async function jsonArgument(what: string, argument: string | undefined): Promise<unknown> {
  if (argument === undefined) return undefined;
  if (!argument.startsWith("@")) return parse(what, argument, argument);
  const path = argument.slice(1);
  return parse(`${what}: the file ${path}`, await content(what, path), undefined);
}

function parse(what: string, text: string, shown: string | undefined): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    const piece = shown === undefined ? "" : ` ${JSON.stringify(shown.slice(0, SHOWN))}`;
    throw new MillraceError(
      "E_NOT_JSON",
      `${what}${piece} is not JSON; text needs its own quotes ('"text"'), and @file reads a file`,
      { cause: error },
    );
  }
}

async function content(what: string, path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (!(error instanceof Error && "code" in error)) throw error;
    throw new MillraceError(
      "E_OPTION_INVALID",
      `${what}: the file ${path} cannot be read (${error.message})`,
      { cause: error },
    );
  }
}
