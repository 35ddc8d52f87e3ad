/** Public entry "millrace/testing": what tests of one's own workflows are made of. Needs fast-check. */
export { MemoryBackend, memoryStore } from "./adapters/memory/store.ts";
export {
  nodeCommands,
  runCommands,
  stepCommands,
} from "./testing/arbitraries/command-arbitraries.ts";
export {
  events,
  nodeEvents,
  runEvents,
  stepEvents,
} from "./testing/arbitraries/event-arbitraries.ts";
export { failures, values } from "./testing/arbitraries/value-arbitraries.ts";
export {
  illegalEvents,
  legalEvents,
  type Refused,
  type WalkOptions,
} from "./testing/arbitraries/walks.ts";
export {
  type CheckWorkflowOptions,
  checkWorkflow,
  type TestedWorkflow,
  type WorkflowReport,
} from "./testing/check-workflow.ts";
export { type Given, type GivenOptions, given, type When } from "./testing/given.ts";
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
export { differences } from "./testing/simulation/compare-lives.ts";
export {
  type Effect,
  EffectLedger,
  type EffectOptions,
  type EffectSource,
} from "./testing/simulation/effects.ts";
export type { Life, Outcome, TestSignal } from "./testing/simulation/life.ts";
export type { Outside } from "./testing/simulation/outside.ts";
export {
  type TestRuntime,
  type TestRuntimeOptions,
  testRuntime,
} from "./testing/simulation/runtime.ts";
export type { CrashPoint } from "./testing/simulation/simulation.ts";
export type { TestRun } from "./testing/simulation/test-run.ts";
export {
  type CheckHistoryOptions,
  checkHistory,
  type HistoryReport,
} from "./upgrade/check-history.ts";
export type { History, HistoryDifference } from "./upgrade/folded-history.ts";
