/** Public entry "millrace/machines": the statecharts, for visualisers and for tests of one's own. */
export type { GateState } from "./gate.ts";
export { gateMachine, gateStates } from "./gate.ts";
export type {
  Admission,
  Ask,
  GateCommand,
  GateContext,
  GateEvent,
  GateInput,
  Holder,
  Limit,
  Waiting,
} from "./gate-data.ts";
export { gateContext, gateReducer } from "./gate-data.ts";
export type { LedgerCommand, LedgerEvent } from "./ledger.ts";
export type { NodeCommand, NodeContext, NodeEvent, NodeInput, NodeState } from "./node.ts";
export { nodeContext, nodeMachine, nodeReducer, nodeStates } from "./node.ts";
export type { Placement } from "./placement.ts";
export type { Recipe, Reducer } from "./reducer.ts";
export { reducer } from "./reducer.ts";
export type { RunState } from "./run.ts";
export { runMachine, runStates } from "./run.ts";
export type {
  AdmissionCommand,
  AdmissionContext,
  AdmissionEvent,
  Beginning,
  Gather,
} from "./run-admission.ts";
export type {
  RunCommand,
  RunContext,
  RunEvent,
  RunInput,
  Signal,
} from "./run-data.ts";
export { runContext } from "./run-data.ts";
export { runReducer } from "./run-reducer.ts";
export type { ScheduleState } from "./schedule.ts";
export { scheduleMachine, scheduleStates } from "./schedule.ts";
export type {
  OpenRun,
  Order,
  Overlap,
  ScheduleCommand,
  ScheduleContext,
  ScheduleEvent,
  ScheduleInput,
  ScheduleSpec,
  TickRecord,
} from "./schedule-data.ts";
export { scheduleContext, scheduleReducer } from "./schedule-data.ts";
export type { StepState } from "./step.ts";
export { stepMachine, stepStates } from "./step.ts";
export type { StepCommand, StepContext, StepEvent, StepInput } from "./step-data.ts";
export { stepContext } from "./step-data.ts";
export { stepReducer } from "./step-reducer.ts";
export type { Failure, Value } from "./values.ts";
