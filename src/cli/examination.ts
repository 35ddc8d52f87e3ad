/** Runs the contract cases of all ports, several at a time, and counts how they ended. */

/** One case, ready to run in a place of its own. */
export interface Examined {
  readonly port: string;
  readonly name: string;
  /** Rejects when the case fails. */
  run(): Promise<"passed" | "not applicable">;
}

/** A case that did not pass, and what it threw. */
export interface Failed {
  readonly port: string;
  readonly name: string;
  readonly error: unknown;
}

/** How many cases of one port ended how; those that are missing to `total` have not ended. */
export interface Counts {
  readonly total: number;
  passed: number;
  failed: number;
  notApplicable: number;
}

/** How it stands; the very object goes on counting while cases run. */
export interface Examination {
  readonly ports: ReadonlyMap<string, Counts>;
  readonly failures: readonly Failed[];
}

/** How `examine` goes about it. */
export interface ExamineOptions {
  /** Cases that run at once: most of the longer ones wait for the end of a lease. */
  readonly atOnce: number;
  /** Called after every case. */
  onCase(soFar: Examination, failed: Failed | undefined): void;
  /** True: begin no further case. */
  isStopped(): boolean;
}

/** Runs all cases, in order; never rejects because of one. */
export async function examine(
  cases: readonly Examined[],
  { atOnce, onCase, isStopped }: ExamineOptions,
): Promise<Examination> {
  const ports = new Map<string, Counts>();
  const failures: Failed[] = [];
  for (const { port } of cases) {
    const total = (ports.get(port)?.total ?? 0) + 1;
    ports.set(port, { total, passed: 0, failed: 0, notApplicable: 0 });
  }
  const waiting = [...cases];
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next && !isStopped(); next = waiting.shift()) {
      const failed = await count(next, ports);
      if (failed !== undefined) failures.push(failed);
      onCase({ ports, failures }, failed);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return { ports, failures };
}

async function count(
  { port, name, run }: Examined,
  ports: ReadonlyMap<string, Counts>,
): Promise<Failed | undefined> {
  const counts = ports.get(port);
  if (counts === undefined) throw new Error(`the port ${port} was not counted`);
  try {
    if ((await run()) === "passed") counts.passed++;
    else counts.notApplicable++;
    return undefined;
  } catch (error) {
    counts.failed++;
    return { port, name, error };
  }
}

/** The sums over all ports. */
export function totals({ ports }: Examination): Counts {
  const sum = { total: 0, passed: 0, failed: 0, notApplicable: 0 };
  for (const counts of ports.values()) {
    sum.total += counts.total;
    sum.passed += counts.passed;
    sum.failed += counts.failed;
    sum.notApplicable += counts.notApplicable;
  }
  return sum;
}
