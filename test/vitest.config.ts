import { defineConfig } from "vitest/config";

// One project, all tests: `npm test` is the whole check. Files that start servers or kill processes
// carry their own time limits.
export default defineConfig({
  test: {
    root: new URL("..", import.meta.url).pathname,
    include: ["test/**/*.test.ts", "examples/**/*.test.ts"],
    // One nats-server for all files; those that kill or freeze a server start their own.
    globalSetup: ["test/support/nats-server.ts"],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    pool: "forks",
    maxWorkers: 2,
    reporters: ["default"],
  },
});
