/** `millrace worker`: host the workflows of some files in this process until it is told to stop. */
import type { Command } from "commander";
import { open } from "../../runtime/open.ts";
import type { Cli } from "../cli.ts";
import { loadWorkflows } from "../load-workflows.ts";
import { type NodeFlags, nodeOptions, withNodeFlags } from "../node-flags.ts";
import { visible } from "../render.ts";
import { withoutSecrets } from "../secrets.ts";
import { checkShared, type StoreFlags, settingsOf, storeIn, withStoreFlags } from "../settings.ts";
import { stopSignals } from "../stop-signals.ts";
import { lineLogger, routeConsole } from "../user-code-output.ts";

/** Adds the command to the program. */
export function registerWorker(program: Command, cli: Cli): void {
  withNodeFlags(withStoreFlags(program.command("worker")))
    .description("host the workflows of some files until SIGINT or SIGTERM")
    .argument("<files...>", "TypeScript or JavaScript files that export workflows")
    .action((files: string[], flags: StoreFlags & NodeFlags) => work(cli, files, flags));
}

async function work(
  cli: Cli,
  files: readonly string[],
  flags: StoreFlags & NodeFlags,
): Promise<void> {
  const settings = settingsOf(flags, cli.env);
  const { store, namespace, json } = settings;
  checkShared(store);
  const { output } = cli;
  const tell = (type: string, facts: Readonly<Record<string, unknown>>, text: string): void =>
    json ? output.json({ type, ...facts }) : output.print(text);
  routeConsole((text) => (json ? output.note(text.replace(/\n$/, "")) : output.write(text)));
  const workflows = await loadWorkflows(files);
  const names = workflows.map((workflow) => workflow.name);
  const logger = lineLogger((line) => output.note(line), json);
  const millrace = await open({ ...storeIn(settings), workflows, logger, ...nodeOptions(flags) });
  const { node } = millrace;
  const stop = stopSignals((signal) => {
    const { hosted } = millrace;
    tell(
      "draining",
      { signal, hosted },
      `${signal}: draining (runs hosted: ${hosted}); once more ends this process at once`,
    );
  });
  const where = withoutSecrets(store);
  tell(
    "ready",
    { node, workflows: names, store: where, namespace },
    `worker ${node} hosts ${names.join(", ")} on ${visible(where)} (namespace ${namespace})`,
  );
  await stop.asked;
  await millrace.close();
  stop.release();
  tell("stopped", { node }, "stopped; what has not ended waits for another worker");
}
