/** Hosts one run in this process and shows it to its end, or until somebody asks this process to stop. */
import type { RunHandle } from "../client/run-handle.ts";
import { type RecordedEvent, RUN_ENDS } from "../events/vocabulary.ts";
import { isMillraceError } from "../kernel/errors.ts";
import { type Millrace, open } from "../runtime/open.ts";
import type { OpenOptions } from "../runtime/options.ts";
import type { Cli } from "./cli.ts";
import { visible } from "./render.ts";
import type { RunReport } from "./run-report.ts";
import { endsWithProcess, type Settings, storeIn } from "./settings.ts";
import { stopSignals } from "./stop-signals.ts";
import { lineLogger } from "./user-code-output.ts";

/** One run, and what becomes of it. */
export interface Followed {
  readonly cli: Cli;
  readonly report: RunReport;
  readonly settings: Settings;
  /** What this process opens besides the store. */
  readonly options: Pick<OpenOptions, "resources" | "worker" | "workflows">;
  start(millrace: Millrace): Promise<RunHandle<unknown>>;
  /** Reports what a run that completed came to. */
  completed(events: readonly RecordedEvent[], output: unknown): void;
  /** The command by which another process goes on with it. */
  readonly goOn: string;
}

/** @throws MillraceError `E_RUN_FAILED`, `E_RUN_CANCELLED`, `E_RUN_TERMINATED`, and what `start` throws */
export async function hostAndFollow(followed: Followed): Promise<void> {
  const { cli, report, settings, options, goOn } = followed;
  const { store, json } = settings;
  const logger = lineLogger((line) => report.note(line), json);
  const millrace = await open({ ...storeIn(settings), logger, ...options });
  const stop = stopSignals((signal) =>
    report.note(`${signal}: waiting for running steps; once more ends this process at once`),
  );
  let handle: RunHandle<unknown>;
  let ended: Promise<boolean>;
  try {
    handle = await followed.start(millrace);
    ended = follow(handle, followed);
    await Promise.race([ended, stop.asked]);
  } finally {
    await millrace.close();
    stop.release();
  }
  if (await ended) return;
  cli.exitCode = stop.exitCode;
  const fate = endsWithProcess(store)
    ? "its store ends with this process"
    : `it goes on when a process hosts it again: ${goOn}`;
  report.note(`run ${handle.id} has not ended; ${visible(fate)}`);
}

/** Reports the run to its end. False: the store was closed before. */
async function follow(handle: RunHandle<unknown>, followed: Followed): Promise<boolean> {
  const { report } = followed;
  report.begin(handle.id);
  try {
    const events: RecordedEvent[] = [];
    for await (const event of handle.events()) {
      report.event(event);
      events.push(event);
    }
    const last = events.at(-1)?.type;
    if (last === undefined || !RUN_ENDS.has(last)) return false;
    const output = await handle.result();
    await report.end();
    followed.completed(events, output);
    return true;
  } catch (error) {
    if (isMillraceError(error, "E_STORE_CLOSED")) return false;
    if (isMillraceError(error, "E_RUN_FAILED")) report.failed("failed", error);
    if (isMillraceError(error, "E_RUN_CANCELLED")) report.failed("cancelled", error);
    if (isMillraceError(error, "E_RUN_TERMINATED")) report.failed("terminated", error);
    throw error;
  } finally {
    await report.end();
  }
}
