/** What `millrace doctor` writes: facts, a line per port while the cases run, failures, a summary. */
import { toFailure } from "../events/failure.ts";
import type { Cli } from "./cli.ts";
import { type Counts, type Examination, type Failed, totals } from "./examination.ts";
import { LiveRegion } from "./live-region.ts";
import { type Cell, duration, table, visibleLines } from "./render.ts";
import { withoutSecrets } from "./secrets.ts";
import type { Settings } from "./settings.ts";

type Facts = Readonly<Record<string, unknown>>;

/** Follows one examination from the first fact to the summary; with `--json` it writes at the end only. */
export class DoctorReport {
  readonly #cli: Cli;
  readonly #settings: Settings;
  #facts: Facts = {};
  #began = 0;
  #scratch = "";
  #soFar: Examination = { ports: new Map(), failures: [] };
  #region: LiveRegion | undefined;

  constructor(cli: Cli, settings: Settings) {
    this.#cli = cli;
    this.#settings = settings;
  }

  /** What the store says about itself. */
  facts(facts: Facts): void {
    this.#facts = facts;
    if (this.#settings.json) return;
    const { namespace } = this.#settings;
    const rows = [["store", this.#store], ...flat({ namespace, ...facts })];
    this.#cli.output.table(rows);
  }

  /** The cases run from here on, in scratch places at `where`. */
  begin(where: string): void {
    this.#began = this.#cli.clock.mono();
    this.#scratch = where;
    if (this.#settings.json) return;
    const { output, clock } = this.#cli;
    output.print(`\nrunning the contract cases in ${withoutSecrets(where)}`);
    this.#region = new LiveRegion(output, clock, () => this.#lines());
  }

  /** A case has ended. */
  progress(soFar: Examination, failed: Failed | undefined): void {
    this.#soFar = soFar;
    if (failed === undefined) return;
    const { paint } = this.#cli.output;
    const [first = "", ...more] = messageLines(failed);
    const title = paint("red", `failed: ${failed.port}: ${failed.name}`);
    this.#region?.above([title, `  ${first}`, ...more.map((line) => `  ${line}`)].join("\n"));
  }

  /** All cases that were begun have ended. */
  async end(examination: Examination): Promise<void> {
    this.#soFar = examination;
    const ms = Math.round(this.#cli.clock.mono() - this.#began);
    if (this.#settings.json) return this.#document(examination, ms);
    await this.#region?.close();
    this.#region = undefined;
    const { output } = this.#cli;
    for (const line of this.#lines()) output.print(line);
    const { total, passed, failed, notApplicable } = totals(examination);
    const skipped = total - passed - failed - notApplicable;
    const parts = [
      `${passed} passed`,
      `${failed} failed`,
      `${notApplicable} not applicable`,
      ...(skipped > 0 ? [`${skipped} not run`] : []),
    ];
    const style = failed > 0 ? "red" : "green";
    output.print(output.paint(style, `${parts.join(", ")} in ${duration(ms)}`));
  }

  /** Writes a line that is about the command itself. */
  note(line: string): void {
    const { output } = this.#cli;
    if (this.#region !== undefined && output.shares) this.#region.above(line);
    else output.note(line);
  }

  #document(examination: Examination, ms: number): void {
    const failures = examination.failures.map((one) => ({
      port: one.port,
      case: one.name,
      message: messageLines(one).join("\n"),
    }));
    this.#cli.output.json({
      store: this.#store,
      namespace: this.#settings.namespace,
      facts: this.#facts,
      scratch: withoutSecrets(this.#scratch),
      contracts: { ...totals(examination), ms, failures },
    });
  }

  get #store(): string {
    return withoutSecrets(this.#settings.store);
  }

  #lines(): string[] {
    const rows = [...this.#soFar.ports].map(([port, counts]) => portCells(port, counts));
    return table(rows, this.#cli.output.paint);
  }
}

function portCells(port: string, { total, passed, failed, notApplicable }: Counts): Cell[] {
  const done = passed + failed + notApplicable;
  return [
    `  ${port}`,
    `${done}/${total}`,
    failed > 0 ? { text: `${failed} failed`, style: "red" } : "",
  ];
}

function messageLines({ error }: Failed): string[] {
  const { code, message } = toFailure(error);
  return visibleLines(withoutSecrets(`${code}: ${message}`));
}

/** Nested facts as rows with dotted names. */
function flat(facts: Facts, before = ""): [string, string][] {
  return Object.entries(facts).flatMap(([name, fact]) => {
    const isNested = typeof fact === "object" && fact !== null;
    if (isNested) return flat(fact as Facts, `${before}${name}.`);
    return [[`${before}${name}`, factText(fact)]];
  });
}

/** Stores say null for what they cannot know, and -1 for a bound that is not set. */
function factText(fact: unknown): string {
  if (fact === null || fact === undefined) return "-";
  return fact === -1 ? "no limit" : withoutSecrets(String(fact));
}
