/** What an approval may be told, in either style: read, checked, and made what the log keeps of it. */
import type { ApprovalRequest } from "../../machines/approval.ts";
import type { Duration } from "../kernel/duration.ts";
import { limits } from "../kernel/limits.ts";
import { invalid, type Read, reading } from "./options.ts";

/** What is asked of whom, and what comes of it when nobody answers. */
export interface ApprovalOptions {
  /** The question, for people: up to 4,096 characters. */
  readonly prompt: string;
  /** Who may decide: names as `approve({ by })` gives them, 1 to 100. @default anybody */
  readonly approvers?: readonly string[];
  /** How long it may take. @default for ever */
  readonly timeout?: Duration;
  /**
   * What it comes to when nobody decides in time: as if rejected, as if approved, or a failure
   * (`E_TIMEOUT`). Only with `timeout`. @default "reject"
   */
  readonly onTimeout?: ApprovalRequest["onTimeout"];
}

/** The names of `ApprovalOptions`. */
export const APPROVAL_OPTIONS = ["prompt", "approvers", "timeout", "onTimeout"] as const;

/** Names of people, as recorded. */
export const NAME_CHARS_MAX = 256;
const APPROVERS_MAX = 100;
const ON_TIMEOUT: readonly unknown[] = ["reject", "approve", "fail"];

/** @throws MillraceError `E_DEF_INVALID` for anything but text that is not empty nor too long */
export function readPrompt(what: string, raw: unknown): string {
  const max = limits.errorMessageCharsMax;
  if (typeof raw === "string" && raw.trim() !== "" && raw.length <= max) return raw;
  throw invalid(
    `${what}: prompt must be text of 1 to ${max} characters: the question that is asked`,
    {
      option: "prompt",
    },
  );
}

/** @throws MillraceError `E_DEF_INVALID` for anything but a list of names */
export function readApprovers(what: string, raw: unknown): readonly string[] {
  const list = reading(what, () => (Array.isArray(raw) ? Array.from<unknown>(raw) : []));
  const names = list.filter((name) => isName(name));
  const fits = names.length === list.length && names.length > 0 && names.length <= APPROVERS_MAX;
  if (fits) return Object.freeze(names);
  throw invalid(
    `${what}: approvers must be a list of 1 to ${APPROVERS_MAX} names; leave it out for anybody`,
    { option: "approvers" },
  );
}

/** True for what may stand for a person in the log. */
export const isName = (raw: unknown): raw is string =>
  typeof raw === "string" && raw.trim() !== "" && raw.length <= NAME_CHARS_MAX;

/** @throws MillraceError `E_DEF_INVALID` for another word, or without a timeout */
export function readOnTimeout(what: string, read: Read): ApprovalRequest["onTimeout"] {
  const raw = read.get("onTimeout");
  if (raw === undefined) return "reject";
  if (!ON_TIMEOUT.includes(raw)) {
    throw invalid(`${what}: onTimeout must be "reject", "approve" or "fail"`, {
      option: "onTimeout",
    });
  }
  if (read.has("timeout")) return raw as ApprovalRequest["onTimeout"];
  throw invalid(`${what}: onTimeout without a timeout would never happen`, { option: "onTimeout" });
}
