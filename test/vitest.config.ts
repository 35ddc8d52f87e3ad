import { defineConfig } from "vitest/config";

// All tests: `npm test` is the whole check. Files that start servers or kill processes carry their own
// time limits.
const common = {
  root: new URL("..", import.meta.url).pathname,
  // Processes that tests start compile their modules once for all of them, and find them quickly.
  env: {
    NODE_COMPILE_CACHE: new URL("../.cache/compiled", import.meta.url).pathname,
    NODE_OPTIONS: `--import=${new URL("support/quick-imports.ts", import.meta.url).href}`,
  },
  // Nothing here is about how long anything takes: a busy machine only makes it later.
  testTimeout: 120_000,
  hookTimeout: 120_000,
  expect: { poll: { timeout: 25_000 } },
  pool: "forks",
} as const;

// What is pure, or lives in virtual time, leaves nothing behind: its files share their processes, and load
// what they have in common once.
const pure = [
  ...["machines", "kernel", "events", "domain", "workflow", "projections", "wfformat"],
  ...["cluster", "testing", "tidy"],
].map((folder) => `test/${folder}/**/*.test.ts`);

export default defineConfig({
  test: {
    root: common.root,
    // One nats-server for all files; those that kill or freeze a server start their own.
    globalSetup: ["test/support/nats-server.ts"],
    // Many tests wait for a lease or a timer: more of them than a small machine has cores.
    maxWorkers: 4,
    reporters: ["default"],
    // In the order of their names: what waits comes first, what only computes fills the gaps at the end.
    projects: [
      { test: { ...common, name: "alone", include: ["test/**/*.test.ts"], exclude: pure } },
      {
        test: {
          ...common,
          name: "together",
          include: [...pure, "examples/**/*.test.ts"],
          isolate: false,
        },
      },
    ],
  },
});
