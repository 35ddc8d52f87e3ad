/** Files that a user names: one that cannot be read or written is their mistake, and told as such. */
import { MillraceError } from "../kernel/errors.ts";

/** @throws MillraceError `E_OPTION_INVALID` when the file cannot be read or written */
export async function usable<T>(file: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof Error && "code" in error && "syscall" in error)) throw error;
    throw new MillraceError("E_OPTION_INVALID", `${file}: ${error.message}`, { cause: error });
  }
}
