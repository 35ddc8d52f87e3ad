/**
 * What the user's code says while it runs inside a command: `console`, and the logger of steps. Both
 * must neither break what is drawn on the terminal nor get between the lines of `--json`.
 */
import { Console } from "node:console";
import { Writable } from "node:stream";
import type { Logger } from "../kernel/logger.ts";
import { jsonText, visible } from "./render.ts";
import { withoutSecrets } from "./secrets.ts";

/** Makes `console` of this process write through `write`. */
export function routeConsole(write: (text: string) => void): void {
  const stream = new Writable({
    decodeStrings: false,
    write(chunk: string | Uint8Array, _encoding, done) {
      write(typeof chunk === "string" ? chunk : Buffer.from(chunk).toString("utf8"));
      done();
    },
  });
  globalThis.console = new Console({ stdout: stream, stderr: stream });
}

/** A logger for one line per message: JSON, or `warn: message {fields}`. */
export function lineLogger(write: (line: string) => void, json: boolean): Logger {
  const at =
    (level: string): Logger["info"] =>
    (message, fields = {}) => {
      if (json) return write(withoutSecrets(jsonText({ level, message, ...fields })));
      const more = Object.keys(fields).length === 0 ? "" : ` ${jsonText(fields)}`;
      write(withoutSecrets(`${level}: ${visible(message)}${more}`));
    };
  return { info: at("info"), warn: at("warn"), error: at("error") };
}
