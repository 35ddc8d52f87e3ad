/** Public entry "millrace/testing": what tests of one's own workflows are made of. Needs fast-check. */
export { MemoryBackend, memoryStore } from "./adapters/memory/store.ts";
export {
  type CheckWorkflowOptions,
  checkWorkflow,
  type TestedWorkflow,
  type WorkflowReport,
} from "./testing/check-workflow.ts";
export { nodeCommands, runCommands, stepCommands } from "./testing/command-arbitraries.ts";
export { differences } from "./testing/compare-lives.ts";
export {
  type Effect,
  EffectLedger,
  type EffectOptions,
  type EffectSource,
} from "./testing/effects.ts";
export { events, nodeEvents, runEvents, stepEvents } from "./testing/event-arbitraries.ts";
export { type Given, type GivenOptions, given, type When } from "./testing/given.ts";
export type { Life, Outcome, TestSignal } from "./testing/life.ts";
export {
  cancelCommand,
  crashCommand,
  decisionCommand,
  pauseCommand,
  type RealRun,
  type RunModel,
  type RunModelCommand,
  type RunModelOptions,
  repeatedSignalCommand,
  restartCommand,
  resumeCommand,
  runModel,
  runModelCommands,
  signalCommand,
  timeCommand,
} from "./testing/model-commands.ts";
export type { Outside } from "./testing/outside.ts";
export { type TestRuntime, type TestRuntimeOptions, testRuntime } from "./testing/runtime.ts";
export type { CrashPoint } from "./testing/simulation.ts";
export type { TestRun } from "./testing/test-run.ts";
export { failures, values } from "./testing/value-arbitraries.ts";
export { illegalEvents, legalEvents, type Refused, type WalkOptions } from "./testing/walks.ts";
export {
  type CheckHistoryOptions,
  checkHistory,
  type HistoryReport,
} from "./upgrade/check-history.ts";
export type { History, HistoryDifference } from "./upgrade/folded-history.ts";
