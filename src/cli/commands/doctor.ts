/**
 * `millrace doctor`: what the store is and how durable it is, and whether it keeps every promise of
 * the ports: all contract cases run against the same backend, in scratch places that are removed.
 */
import type { Command } from "commander";
import { systemIds } from "../../kernel/ids.ts";
import { systemRandom } from "../../kernel/random.ts";
import { open } from "../../runtime/open.ts";
import type { Cli } from "../cli.ts";
import { DoctorReport } from "../doctor-report.ts";
import { type Examined, examine } from "../examination.ts";
import { exits } from "../failures.ts";
import { monitoredDurability } from "../monitored-durability.ts";
import { scratchOf } from "../scratch.ts";
import type { Scratch } from "../scratch-place.ts";
import { type StoreFlags, settingsOf, storeIn, withStoreFlags } from "../settings.ts";
import { stopSignals } from "../stop-signals.ts";

interface DoctorFlags extends StoreFlags {
  readonly monitor?: string;
}

/** Adds the command to the program. */
export function registerDoctor(program: Command, cli: Cli): void {
  withStoreFlags(program.command("doctor"))
    .description("describe the store, and run the contract cases of all ports against it")
    .option("--monitor <url>", "the nats-server's monitoring port, which tells its sync interval")
    .action((flags: DoctorFlags) => diagnose(cli, flags));
}

/** More only make each other slow; the cases that wait for a lease, about 40, take 1.5 s each. */
const CASES_AT_ONCE = 12;

async function diagnose(cli: Cli, flags: DoctorFlags): Promise<void> {
  const settings = settingsOf(flags, cli.env);
  const { store } = settings;
  let partitions = 1;
  const report = new DoctorReport(cli, settings);
  {
    await using millrace = await open(storeIn(settings));
    partitions = millrace.store.log.partitions;
    const { monitor } = flags;
    const told =
      monitor === undefined ? {} : { monitored: await monitoredDurability(monitor, cli.clock) };
    report.facts({ ...(await millrace.store.describe()), ...told });
  }
  const world = { clock: cli.clock, random: systemRandom, ids: systemIds };
  const { contractLeaseMs: leaseMs } = await import("../../testing/contracts/contract.ts");
  const scratch = await scratchOf(store, { world, leaseMs, partitions });
  const stop = stopSignals((signal) =>
    report.note(`${signal}: cleaning up; once more leaves ${scratch.where} behind`),
  );
  try {
    report.begin(scratch.where);
    const examination = await examine(await contractCases(scratch, partitions), {
      atOnce: CASES_AT_ONCE,
      onCase: (soFar, failed) => report.progress(soFar, failed),
      isStopped: () => stop.exitCode !== 0,
    });
    await report.end(examination);
    cli.exitCode = stop.exitCode || (examination.failures.length > 0 ? exits.failed : exits.ok);
  } finally {
    await scratch.remove();
    stop.release();
  }
}

/**
 * The cases of all ports; those that wait most come first. They are part of `millrace/testing`, which
 * lies above the command line, so they are fetched here, when they are needed.
 */
async function contractCases(scratch: Scratch, partitions: number): Promise<readonly Examined[]> {
  const { runCase } = await import("../../testing/contracts/contract.ts");
  const { workQueueContract } = await import("../../testing/contracts/work-queue-contract.ts");
  const { nodeRegistryContract } = await import(
    "../../testing/contracts/node-registry-contract.ts"
  );
  const { eventLogContract } = await import("../../testing/contracts/event-log-contract.ts");
  const { inboxContract } = await import("../../testing/contracts/inbox-contract.ts");
  const { blobStoreContract } = await import("../../testing/contracts/blob-store-contract.ts");
  const { nodeValuesContract } = await import("../../testing/contracts/node-values-contract.ts");
  const { viewStoreContract } = await import("../../testing/contracts/view-store-contract.ts");
  const suites = {
    "work queue": workQueueContract,
    "node registry": nodeRegistryContract,
    "event log": eventLogContract,
    inbox: inboxContract,
    "blob store": blobStoreContract,
    "view store": viewStoreContract,
    "values of nodes": nodeValuesContract,
  };
  // Some speak of logs that are divided otherwise than this one.
  const foreign = partitions === 1 ? "partitioned" : "ordered";
  return Object.entries(suites).flatMap(([port, cases]) =>
    cases
      .filter(({ requires }) => !requires?.includes(foreign))
      .map((test) => ({ port, name: test.name, run: () => runCase(test, scratch.place) })),
  );
}
