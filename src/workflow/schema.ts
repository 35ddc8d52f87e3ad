/** Checking values through Standard Schema: any library's schema, synchronous or not. */
import type { StandardSchemaV1 } from "@standard-schema/spec";
import { MillraceError } from "../kernel/errors.ts";

/** More issues than this are counted, not listed. */
const ISSUES_SHOWN = 8;

/**
 * What `schema` makes of `value`; `value` itself when there is no schema.
 * @param what what the value is, for the message: "input of workflow w"
 * @throws MillraceError `E_SCHEMA` naming the path of each issue; what the schema itself throws
 */
export async function validate(
  schema: StandardSchemaV1 | undefined,
  what: string,
  value: unknown,
): Promise<unknown> {
  if (schema === undefined) return value;
  const result = await schema["~standard"].validate(value);
  if (result.issues === undefined) return result.value;
  const issues = result.issues.map((issue) => ({ path: pathOf(issue), message: issue.message }));
  const listed = issues
    .slice(0, ISSUES_SHOWN)
    .map(({ path, message }) => `${path === "" ? "" : `${path}: `}${message}`);
  const more = issues.length > ISSUES_SHOWN ? `; and ${issues.length - ISSUES_SHOWN} more` : "";
  throw new MillraceError(
    "E_SCHEMA",
    `${what} does not match its schema: ${listed.join("; ")}${more}`,
    { details: { paths: issues.map(({ path }) => path || ".") } },
  );
}

function pathOf(issue: StandardSchemaV1.Issue): string {
  return (issue.path ?? [])
    .map((segment) => {
      const key = typeof segment === "object" ? segment.key : segment;
      return typeof key === "number" ? `[${key}]` : `.${String(key)}`;
    })
    .join("");
}
