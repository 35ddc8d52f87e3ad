/** Public entry "millrace": define workflows, open a store, start and follow runs. */

export type { Tick } from "../machines/run-data.ts";
export type { OpenRun, Overlap, TickRecord } from "../machines/schedule-data.ts";
export type { Failure, Value } from "../machines/values.ts";
export { Client } from "./client/client.ts";
export type { EventFilter, EventOf } from "./client/following/event-filter.ts";
export type { LiveRun, LiveStep } from "./client/following/live-actor.ts";
export type { EventPlace } from "./client/following/place.ts";
export type { ReplayedEvent } from "./client/following/playback.ts";
export type { ReplayOptions } from "./client/following/replay.ts";
export type { From } from "./client/following/start-place.ts";
export type { EventStream, SubscribeOptions } from "./client/following/subscribe.ts";
export type { Subscription, SubscriptionOptions } from "./client/following/subscription.ts";
export {
  defineProjection,
  type ProjectionDefinition,
  type UserProjection,
} from "./client/following/user-projection.ts";
export type { ComparedEvents, Comparison } from "./client/forking/compare-runs.ts";
export type { ForkOptions, ForkSignal } from "./client/forking/fork-options.ts";
export type { Branching, Lineage } from "./client/forking/lineage.ts";
export type { RerunOptions } from "./client/forking/rerun.ts";
export type { ExportOptions } from "./client/history/archive.ts";
export type { EraseOptions } from "./client/history/erase-run.ts";
export type { Archivist, History, RetainOptions } from "./client/history/history-care.ts";
export type { Imported } from "./client/history/import-runs.ts";
export type { RetentionRule } from "./client/history/prune-runs.ts";
export type { LimitsOptions, WorkflowLimit } from "./client/looking/limits.ts";
export type { ListOptions } from "./client/looking/list-runs.ts";
export type { RunDescription } from "./client/looking/query-run.ts";
export type { RunView, StepStatus, StepView } from "./client/looking/run-view.ts";
export type { RunPage, SearchOptions } from "./client/looking/search-runs.ts";
export type { RunMoment } from "./client/looking/state-at.ts";
export type { Change, RunField, StateDiff } from "./client/looking/state-diff.ts";
export type { StateView } from "./client/looking/state-view.ts";
export type { EventsOptions, ResultOptions, RunHandle } from "./client/run-handle.ts";
export type { CatchUpOptions, ScheduleOptions } from "./client/schedules/schedule-options.ts";
export type { ScheduleView } from "./client/schedules/schedule-view.ts";
export type {
  Backfill,
  BackfillOptions,
  ScheduleClient,
  TriggerOptions,
} from "./client/schedules/schedules.ts";
export type { ExecuteOptions } from "./client/starting/execute-options.ts";
export type { Executed, FunctionFailure } from "./client/starting/executed.ts";
export type { Pipeline, PipelineItem } from "./client/starting/pipeline.ts";
export type { StartOptions } from "./client/starting/start-run.ts";
export type { StreamOptions } from "./client/starting/stream.ts";
export type {
  DecisionOptions,
  PendingApproval,
  PendingOptions,
} from "./client/telling/approvals.ts";
export type { SignalTarget, SignalWhereOptions } from "./client/telling/signal-where.ts";
export type { RequestOptions } from "./client/telling/tell-run.ts";
// start and follow runs
export type {
  CheckUpgradeOptions,
  RunLeft,
  RunUpgrade,
  UpgradeProgress,
  UpgradeReport,
} from "./client/upgrading/check-upgrade.ts";
export type { MigrateOptions } from "./client/upgrading/migrate-run.ts";
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
export type { Cursor } from "./ports/cursor.ts";
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
