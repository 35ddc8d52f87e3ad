import { defineConfig } from "vitest/config";

// One project, all tests: `npm test` is the whole check. Files that start servers or kill processes
// carry their own time limits.
export default defineConfig({
  test: {
    root: new URL("..", import.meta.url).pathname,
    include: ["test/**/*.test.ts"],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    pool: "forks",
    maxWorkers: 2,
    reporters: ["default"],
  },
});
