/**
 * Which process somebody is, and whether that process is gone. A process id alone is given again
 * after a while; with the start time it names one process of one machine for ever.
 */
import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";

/** What names one process of one machine. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Start time in the kernel's own count; "" where it cannot be had. */
  readonly started: string;
  /** Where `pid` means something: one boot of one machine, one container. */
  readonly scope: string;
}

/** The process that asks. */
export function thisProcess(): ProcessIdentity {
  const { pid } = process;
  return { pid, started: statOf(pid)?.started ?? "", scope: scope() };
}

/**
 * True only when it is certain that the process is gone: another machine, container or user cannot
 * be judged from here and counts as there.
 */
export function isGone(other: ProcessIdentity): boolean {
  if (other.scope !== scope()) return false;
  try {
    process.kill(other.pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ESRCH";
  }
  const stat = statOf(other.pid);
  if (stat === undefined) return false;
  return stat.isDead || (other.started !== "" && stat.started !== other.started);
}

interface Stat {
  readonly started: string;
  /** It has ended and waits for its parent to collect it. */
  readonly isDead: boolean;
}

/** What Linux says about a process; undefined elsewhere, and for one that may not be seen. */
function statOf(pid: number): Stat | undefined {
  if (process.platform !== "linux") return undefined;
  const text = readProc(() => readFileSync(`/proc/${pid}/stat`, "latin1"));
  // The second field is the command in brackets, which may itself hold brackets and blanks.
  const fields = text?.slice(text.lastIndexOf(")") + 2).split(" ");
  const [state, started] = [fields?.[0], fields?.[19]];
  if (state === undefined || started === undefined) return undefined;
  return { started, isDead: state === "Z" || state === "X" };
}

let known: string | undefined;

function scope(): string {
  known ??= [
    readProc(() => readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim()) ?? hostname(),
    readProc(() => readlinkSync("/proc/self/ns/pid")) ?? "",
  ].join("/");
  return known;
}

function readProc(read: () => string): string | undefined {
  try {
    return read();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ESRCH" || code === "EACCES" || code === "EPERM")
      return undefined;
    throw error;
  }
}
