/** What nodes are called by, beside their ids, so that steps can say where they may run: `{ zone: "a" }`. */
import { MillraceError } from "../kernel/errors.ts";
import { ID_PATTERN } from "../kernel/ids.ts";
import { limits } from "../kernel/limits.ts";

/** Texts by name. */
export type Labels = Readonly<Record<string, string>>;

const VALUE_CHARS_MAX = 256;

/**
 * A checked, frozen copy.
 * @param what whose they are, for messages: "step a: labels"
 * @throws MillraceError `E_OPTION_INVALID` for anything but up to 32 texts of 256 characters by name
 */
export function checkLabels(what: string, raw: unknown): Labels {
  if (typeof raw !== "object" || raw === null || Array.isArray(raw)) {
    throw refused(what, 'must be an object of texts by name, such as { zone: "a" }');
  }
  const entries = Object.entries(raw as Record<string, unknown>);
  if (entries.length > limits.labelsMax) {
    throw refused(what, `has ${entries.length} names; at most ${limits.labelsMax} are kept`);
  }
  const checked: Record<string, string> = {};
  for (const [name, value] of entries) {
    if (!ID_PATTERN.test(name)) {
      throw refused(what, `${JSON.stringify(name.slice(0, 64))} is no name of A-Z a-z 0-9 _ -`);
    }
    if (typeof value !== "string" || value.length > VALUE_CHARS_MAX) {
      throw refused(what, `${name} must be text of at most ${VALUE_CHARS_MAX} characters`);
    }
    checked[name] = value;
  }
  return Object.freeze(checked);
}

const refused = (what: string, why: string): MillraceError =>
  new MillraceError("E_OPTION_INVALID", `${what}: ${why}`, { details: { option: what } });
