import { defineConfig } from "vitest/config";

// One project, all tests: `npm test` is the whole check. Files that start servers or kill processes
// carry their own time limits.
export default defineConfig({
  test: {
    root: new URL("..", import.meta.url).pathname,
    include: ["test/**/*.test.ts", "examples/**/*.test.ts"],
    // One nats-server for all files; those that kill or freeze a server start their own.
    globalSetup: ["test/support/nats-server.ts"],
    // The modules of processes that tests start, compiled once for all of them.
    env: { NODE_COMPILE_CACHE: new URL("../.cache/compiled", import.meta.url).pathname },
    testTimeout: 30_000,
    hookTimeout: 60_000,
    pool: "forks",
    // Many tests wait for a lease or a timer: more of them than a small machine has cores.
    maxWorkers: 4,
    reporters: ["default"],
  },
});
