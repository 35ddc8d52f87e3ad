/** The flags that commands share: which store, which namespace, and whether to write JSON. */
import { existsSync } from "node:fs";
import { type Command, InvalidArgumentError } from "commander";
import { MillraceError } from "../kernel/errors.ts";
import { checkId } from "../kernel/ids.ts";
import { type Millrace, open } from "../runtime/open.ts";
import { DEFAULT_STORE } from "../runtime/open-store.ts";
import type { OpenOptions } from "../runtime/options.ts";

/** As commander parses them. */
export interface StoreFlags {
  readonly store?: string;
  readonly namespace: string;
  readonly partitions?: number;
  readonly json?: true;
}

/** Of commands that list what there is of runs: see `withListFlags`. */
export interface ListFlags extends StoreFlags {
  readonly workflow?: string;
  readonly limit: number;
}

/** Flags, checked and complete. */
export interface Settings {
  /** Address of the store, credentials included: show it through `withoutSecrets` only. */
  readonly store: string;
  readonly namespace: string;
  /** Undefined: as many as there are, or one. */
  readonly partitions: number | undefined;
  readonly json: boolean;
}

/** How the store is opened that the flags name. */
export const storeIn = ({
  store,
  namespace,
  partitions,
}: Settings): Pick<OpenOptions, "store" | "namespace" | "partitions"> => ({
  store,
  namespace,
  ...(partitions === undefined ? {} : { partitions }),
});

/** Adds the shared flags to a command. */
export const withStoreFlags = (command: Command): Command =>
  command
    .option(
      "--store <address>",
      `sqlite:PATH, nats://HOST:PORT or memory (default: MILLRACE_STORE, else ${DEFAULT_STORE})`,
    )
    .option("--namespace <name>", "separates installations that share a store", "default")
    .option(
      "--partitions <n>",
      "streams of the log, where the namespace is made by this command (nats; default: 1)",
      wholeNumber(1),
    )
    .option("--json", "write JSON instead of text");

const LIST_LIMIT = 100;

/** Adds the shared flags to a command that lists what there is, of all runs or of one workflow's. */
export const withListFlags = (command: Command): Command =>
  withStoreFlags(command)
    .option("--workflow <name>", "only of this workflow")
    .option("--limit <count>", "at most so many", wholeNumber(0), LIST_LIMIT);

/** @throws MillraceError `E_ID_INVALID` for the namespace, `E_OPTION_INVALID` for a missing path */
export function settingsOf(flags: StoreFlags, env: NodeJS.ProcessEnv): Settings {
  const store = flags.store ?? (env["MILLRACE_STORE"] || DEFAULT_STORE);
  if (sqlitePath(store) === "") throw refused("sqlite: lacks its path; write sqlite:PATH");
  return {
    store,
    namespace: checkId("namespace", flags.namespace),
    partitions: flags.partitions,
    json: flags.json === true,
  };
}

/**
 * Opens the store to look at what others put there. It must be there already: a mistyped path would
 * otherwise become an empty store, and "no runs" a wrong answer.
 * @param index file of the index of runs, for what is searched
 * @throws MillraceError `E_OPTION_INVALID` for a store that ends with its process, `E_STORE_MISSING`
 *   when there is no file, and what `open` throws
 */
export async function openExisting(
  settings: Settings,
  more: Pick<OpenOptions, "index" | "workflows" | "worker"> = {},
): Promise<Millrace> {
  const { store } = settings;
  checkShared(store);
  const path = sqlitePath(store);
  if (path !== undefined && !existsSync(path)) {
    throw new MillraceError(
      "E_STORE_MISSING",
      `there is no store at ${path}; start a run there first, or name another with --store or MILLRACE_STORE`,
      { details: { path } },
    );
  }
  return open({ ...storeIn(settings), ...more });
}

/**
 * Refuses stores that live and end with their process: no other process can see what is in them.
 * @throws MillraceError `E_OPTION_INVALID`
 */
export function checkShared(store: string): void {
  if (!endsWithProcess(store)) return;
  const why = `${store} ends with its process, so this command would find nothing in it`;
  throw refused(`${why}; use sqlite:PATH or nats://HOST:PORT`);
}

/** True for a store that nobody can look into once this process is gone. */
export const endsWithProcess = (store: string): boolean =>
  store === "memory" || sqlitePath(store) === ":memory:";

const refused = (why: string): MillraceError =>
  new MillraceError("E_OPTION_INVALID", `store: ${why}`, { details: { option: "store" } });

/** The path in a sqlite address; undefined for any other. */
export const sqlitePath = (store: string): string | undefined =>
  store.startsWith("sqlite:") ? store.slice("sqlite:".length) : undefined;

/** Parses a flag that takes a whole number from `min`; for commander's options. */
export const wholeNumber =
  (min: number) =>
  (text: string): number => {
    const value = Number(text);
    if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= min) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${min}.`);
  };
