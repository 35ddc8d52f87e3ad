/** The default logger: one line of JSON per message on stderr, so that nothing can break out of its line. */
import type { Logger } from "../kernel/logger.ts";

const write = (level: string) => (message: string, fields?: Readonly<Record<string, unknown>>) => {
  process.stderr.write(`${JSON.stringify({ level, message, ...fields })}\n`);
};

/** Warnings and errors only; `log.info` of steps goes nowhere unless another logger is given. */
export const stderrLogger: Logger = {
  info: () => undefined,
  warn: write("warn"),
  error: write("error"),
};
