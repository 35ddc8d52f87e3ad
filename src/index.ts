/** Public entry "millrace": define workflows, open a store, start and follow runs. */

export type { Tick } from "../machines/run-data.ts";
export type { OpenRun, Overlap, TickRecord } from "../machines/schedule-data.ts";
export type { Failure, Value } from "../machines/values.ts";
export type { DecisionOptions, PendingApproval, PendingOptions } from "./client/approvals.ts";
export type { ExportOptions } from "./client/archive.ts";
// start and follow runs
export type {
  CheckUpgradeOptions,
  RunLeft,
  RunUpgrade,
  UpgradeProgress,
  UpgradeReport,
} from "./client/check-upgrade.ts";
export { Client } from "./client/client.ts";
export type { ComparedEvents, Comparison } from "./client/compare-runs.ts";
export type { EraseOptions } from "./client/erase-run.ts";
export type { EventFilter, EventOf } from "./client/event-filter.ts";
export type { ExecuteOptions } from "./client/execute-options.ts";
export type { Executed, FunctionFailure } from "./client/executed.ts";
export type { ForkOptions, ForkSignal } from "./client/fork-options.ts";
export type { Archivist, History, RetainOptions } from "./client/history-care.ts";
export type { Imported } from "./client/import-runs.ts";
export type { LimitsOptions, WorkflowLimit } from "./client/limits.ts";
export type { Branching, Lineage } from "./client/lineage.ts";
export type { ListOptions } from "./client/list-runs.ts";
export type { LiveRun, LiveStep } from "./client/live-actor.ts";
export type { MigrateOptions } from "./client/migrate-run.ts";
export type { Pipeline, PipelineItem } from "./client/pipeline.ts";
export type { ReplayedEvent } from "./client/playback.ts";
export type { RetentionRule } from "./client/prune-runs.ts";
export type { RunDescription } from "./client/query-run.ts";
export type { ReplayOptions } from "./client/replay.ts";
export type { RerunOptions } from "./client/rerun.ts";
export type { EventsOptions, ResultOptions, RunHandle } from "./client/run-handle.ts";
export type { RunView, StepStatus, StepView } from "./client/run-view.ts";
export type { CatchUpOptions, ScheduleOptions } from "./client/schedule-options.ts";
export type { ScheduleView } from "./client/schedule-view.ts";
export type {
  Backfill,
  BackfillOptions,
  ScheduleClient,
  TriggerOptions,
} from "./client/schedules.ts";
export type { RunPage, SearchOptions } from "./client/search-runs.ts";
export type { SignalTarget, SignalWhereOptions } from "./client/signal-where.ts";
export type { EventPlace, From } from "./client/start-place.ts";
export type { StartOptions } from "./client/start-run.ts";
export type { RunMoment } from "./client/state-at.ts";
export type { Change, RunField, StateDiff } from "./client/state-diff.ts";
export type { StateView } from "./client/state-view.ts";
export type { StreamOptions } from "./client/stream.ts";
export type { SubscribeOptions } from "./client/subscribe.ts";
export type { Subscription, SubscriptionOptions } from "./client/subscription.ts";
export type { RequestOptions } from "./client/tell-run.ts";
export {
  defineProjection,
  type ProjectionDefinition,
  type UserProjection,
} from "./client/user-projection.ts";
// where steps run
export type {
  Allocator,
  ClusterView,
  NodeView,
  Placement,
  StepRequest,
  StepValue,
} from "./cluster/allocator.ts";
export { byPreference, type Preference } from "./cluster/candidates.ts";
export type { NodeRefusal } from "./cluster/refusals.ts";
export type { Resources } from "./cluster/resources.ts";
export { firstAvailable } from "./cluster/strategies/first-available.ts";
export { loadBalanced } from "./cluster/strategies/load-balanced.ts";
export { localityAware } from "./cluster/strategies/locality-aware.ts";
export type { Approval } from "./domain/approvals.ts";
export type { Explanation } from "./domain/explain.ts";
export type { KeptSignal, Wait } from "./domain/wait.ts";
// what is recorded
export { type CloudEvent, type CloudEventOptions, toCloudEvent } from "./events/cloud-event.ts";
export type { FrameCodec } from "./events/frame.ts";
export type { EventType, MillraceEvent, RecordedEvent } from "./events/vocabulary.ts";
// errors: the two that steps throw, the one to catch, and its guard
export type { Duration } from "./kernel/duration.ts";
export {
  type ErrorCode,
  errorCodes,
  isMillraceError,
  MillraceError,
  RetryableError,
  TerminalError,
} from "./kernel/errors.ts";
export type { Instant } from "./kernel/instant.ts";
export { limits } from "./kernel/limits.ts";
export type { Logger } from "./kernel/logger.ts";
// ports, for adapters of one's own
export type { BlobStore } from "./ports/blob-store.ts";
export type { AppendOutcome, EventLog, NewFrame, StoredFrame } from "./ports/event-log.ts";
export type { Inbox, StoredInput } from "./ports/inbox.ts";
export type { NodeInfo, NodeListener, NodeRegistry } from "./ports/node-registry.ts";
export type { Store, StoreOptions, World } from "./ports/store.ts";
export type { SavedView, ViewStore } from "./ports/view-store.ts";
export type { Claim, Ticket, WorkQueue } from "./ports/work-queue.ts";
export { ganttSvg } from "./projections/gantt.ts";
export {
  type RecordedPlacement,
  type ReplayedPlacement,
  replayPlacements,
} from "./projections/placements.ts";
export type { RunStatus, RunSummary } from "./projections/run-summary.ts";
export {
  type AttemptEnd,
  type Timeline,
  type TimelineAttempt,
  type TimelineHosting,
  timelineOf,
} from "./projections/timeline.ts";
// open
export { archiveTo } from "./runtime/archive-to.ts";
export { type Millrace, open } from "./runtime/open.ts";
export type { OpenOptions, WorkerOptions } from "./runtime/options.ts";
export type { Stores } from "./runtime/stores.ts";
// the stores
export type { CheckpointStore } from "./stores/checkpoint-store.ts";
export type { DataLocationRegistry } from "./stores/data-locations.ts";
export type { Erasure } from "./stores/erasures.ts";
export type { OutputStore } from "./stores/output-store.ts";
export type { ResultStore } from "./stores/result-store.ts";
export type { StepRunStore } from "./stores/step-run-store.ts";
// define workflows
export type { ApprovalOptions } from "./workflow/approval-options.ts";
export type { ChildRunOptions, Startable } from "./workflow/child-run-options.ts";
export { workflow } from "./workflow/code.ts";
export { type Dag, type DagOptions, dag } from "./workflow/dag.ts";
export type {
  DagNode,
  DeserializeCode,
  FunctionArgument,
  FunctionCode,
  FunctionNode,
  InputNode,
  SerializeCode,
} from "./workflow/dag-function.ts";
export type { CodeWorkflow, GraphWorkflow, Workflow } from "./workflow/definition.ts";
export { graph } from "./workflow/graph.ts";
export type { GraphBuilder, MapOptions, StepOptions } from "./workflow/graph-builder.ts";
export type { ApproveOptions, SignalOptions, SleepOptions } from "./workflow/graph-waits.ts";
export type { PlaceOptions } from "./workflow/place.ts";
export type { PolicyOptions, RetryOptions } from "./workflow/policy.ts";
export type { QueriedRun, QueriedStep, Query } from "./workflow/queries.ts";
export type { Checkpoint, StepContext, Undo } from "./workflow/step-context.ts";
export type {
  CallOptions,
  ChildOptions,
  ChildrenOptions,
  StartedChild,
  WorkflowContext,
} from "./workflow/workflow-context.ts";
export type { GraphOptions, WorkflowOptions } from "./workflow/workflow-options.ts";
