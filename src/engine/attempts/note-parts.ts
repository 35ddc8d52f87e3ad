/**
 * What a step hands out beside values: refs of parents, metadata. Checked while the step can still be
 * told; in a commit, what JSON cannot keep would take the whole run down with it.
 */
import { MillraceError } from "../../kernel/errors.ts";
import { limits } from "../../kernel/limits.ts";

/** @throws MillraceError `E_NOT_JSON`, `E_TOO_LARGE` */
export function checkParents(parents: unknown): readonly string[] {
  if (!Array.isArray(parents)) throw notText("parents is not a list of refs");
  const refs = parents.map((ref, index) => text(`parents[${index}]`, ref));
  return bounded("parents", refs);
}

/** @throws MillraceError `E_NOT_JSON`, `E_TOO_LARGE` */
export function checkMetadata(metadata: unknown): Readonly<Record<string, string>> {
  if (typeof metadata !== "object" || metadata === null) {
    throw notText("metadata is not an object of texts");
  }
  const entries = Object.entries(metadata).map(
    ([name, value]) => [name, text(`metadata.${name}`, value)] as const,
  );
  return bounded("metadata", Object.fromEntries(entries));
}

function text(what: string, value: unknown): string {
  if (typeof value === "string") return value;
  throw notText(`${what} is a ${typeof value}, not text`);
}

function bounded<T>(what: string, checked: T): T {
  const bytes = Buffer.byteLength(JSON.stringify(checked));
  if (bytes <= limits.valueInlineBytesMax) return checked;
  throw new MillraceError(
    "E_TOO_LARGE",
    `${what} has ${bytes} bytes, the limit is ${limits.valueInlineBytesMax}; put it into the value`,
    { details: { bytes } },
  );
}

const notText = (what: string): MillraceError => new MillraceError("E_NOT_JSON", what);
