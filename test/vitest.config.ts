import { defineConfig } from "vitest/config";

// One project, all tests: `npm test` is the whole check. Files that start servers or kill processes
// carry their own time limits.
export default defineConfig({
  test: {
    root: new URL("..", import.meta.url).pathname,
    include: ["test/**/*.test.ts", "examples/**/*.test.ts"],
    // One nats-server for all files; those that kill or freeze a server start their own.
    globalSetup: ["test/support/nats-server.ts"],
    // Processes that tests start compile their modules once for all of them, and find them quickly.
    env: {
      NODE_COMPILE_CACHE: new URL("../.cache/compiled", import.meta.url).pathname,
      NODE_OPTIONS: `--import=${new URL("support/quick-imports.ts", import.meta.url).href}`,
    },
    // Nothing here is about how long anything takes: a busy machine only makes it later.
    testTimeout: 120_000,
    expect: { poll: { timeout: 25_000 } },
    hookTimeout: 120_000,
    pool: "forks",
    // Many tests wait for a lease or a timer: more of them than a small machine has cores.
    maxWorkers: 4,
    reporters: ["default"],
  },
});
