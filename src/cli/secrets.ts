/** Addresses of stores may hold credentials (`nats://user:password@host`). Nothing shows them. */

/**
 * What stands between `//` and the last `@` before the next address. Greedy on purpose: a password
 * with an unescaped `@` or `/` in it must not leave its tail behind. Not after three slashes: that is
 * the address of a file.
 */
const CREDENTIALS = /(?<!\/)\/\/(?!\/)(?:(?!:\/\/)[^\s"'])*@/g;

/** `text` with the credentials of every address in it replaced by `***`. */
export const withoutSecrets = (text: string): string => text.replaceAll(CREDENTIALS, "//***@");
