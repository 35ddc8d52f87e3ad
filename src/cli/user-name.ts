/** Who runs the command, as this machine calls them. */
import { userInfo } from "node:os";

export function userName(): string {
  try {
    return userInfo().username;
  } catch (error) {
    // In a container the user may have no name.
    if ((error as { code?: unknown }).code !== "ERR_SYSTEM_ERROR") throw error;
    return "command line";
  }
}
