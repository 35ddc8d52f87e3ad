/**
 * Gates are told by the runs that pass them; a run may have died before it could tell. So everybody who
 * is at a gate is held against the log: who has ended or was erased makes room, and who was let in and
 * is hosted by nobody gets a ticket.
 */
import {
  awaitsAdmission,
  hasEnded,
  type RunSummaries,
  type RunSummary,
} from "../../projections/run-summary.ts";
import type { Engine } from "../engine.ts";
import type { Projector } from "../reading/projector.ts";
import type { Gates } from "./gates.ts";

/** What it takes to look after gates. */
export interface TendOptions {
  readonly engine: Engine;
  readonly gates: Gates;
  readonly summaries: Projector<RunSummaries>;
}

/** Who is at a gate. */
interface AtGate {
  readonly holders: ReadonlySet<string>;
  readonly waiting: ReadonlySet<string>;
  /** Somebody was there who should not have been. */
  readonly tidied: boolean;
}

/** Looks after one gate. */
export async function tendGate(options: TendOptions, gate: string): Promise<AtGate> {
  const { engine, gates, summaries } = options;
  const { holders, waiting } = await gates.look(gate, (context) => {
    return { holders: Object.keys(context.holders), waiting: Object.keys(context.waiting) };
  });
  // Read after the gate: whoever is there was created before, so who is not found was erased.
  const all = await summaries.current();
  const now = engine.world.clock.now();
  const gone = [...holders, ...waiting].filter((run) => isGone(all.get(run), now));
  const idle = holders.filter((run) => isIdle(all.get(run)) && !gone.includes(run));
  await gates.release(gate, gone);
  const tickets = idle.flatMap((run) => all.get(run) ?? []);
  await Promise.all(
    tickets.map(({ workflow, run }) => engine.store.queue.offer({ workflow, run })),
  );
  return { holders: new Set(holders), waiting: new Set(waiting), tidied: gone.length > 0 };
}

/** It has ended, was erased, or was put off after it had been let in. */
const isGone = (summary: RunSummary | undefined, now: number): boolean =>
  summary === undefined || hasEnded(summary) || (isIdle(summary) && (summary.notBefore ?? 0) > now);

/** It has not begun, and nobody hosts it. */
const isIdle = (summary: RunSummary | undefined): boolean =>
  summary !== undefined && awaitsAdmission(summary) && summary.node === null && !summary.partial;

/**
 * Looks after all gates that a run has passed (the last one there may have been erased), and gives tickets to runs that are held back and have
 * none: they wait at no gate, their time has no ticket, or (with `inputs`) they were told something.
 * Returns how many there were.
 */
export async function tendGates(
  options: TendOptions & { readonly inputs: boolean },
): Promise<number> {
  const { engine, summaries } = options;
  const { inbox, queue } = engine.store;
  const all = [...(await summaries.current()).values()];
  const held = all.filter(isIdle).map((one) => ({ ...one }));
  const names = new Set(all.flatMap(({ gate }) => gate ?? []));
  const gates = new Map<string, AtGate>();
  for (const gate of names) gates.set(gate, await tendGate(options, gate));
  const now = engine.world.clock.now();
  let mended = 0;
  for (const { run, workflow, gate, notBefore, parkedUntil, chain, inbox: taken } of held) {
    const at = notBefore !== null && notBefore > now ? notBefore : undefined;
    const told = options.inputs && (await inbox.read(chain?.first ?? run, taken)).length > 0;
    const waits = at === undefined && gates.get(gate ?? "")?.waiting.has(run) === true;
    if (waits && !told && parkedUntil === null) continue;
    await queue.offer({ workflow, run }, told ? undefined : (at ?? parkedUntil ?? undefined));
    mended++;
  }
  return mended;
}
