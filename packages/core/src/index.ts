export { addDays, dailySlices, dayIn, daysOf, startOfDay } from './account-days.ts';
export type { DailySlices } from './account-days.ts';
export type { ApiCallEvent, ApiCallTotals } from './api-call.ts';
export type { BinaryBatch } from './binary-batch.ts';
export { columnsOf } from './columns-of.ts';
export type { ColumnSpec, ColumnType, ValueSpec } from './column.ts';
export type {
  Destination,
  DestinationPlan,
  DestinationSession,
  DestinationView,
  LedgerEntry,
  LoadPackage,
  LoadSummary,
  OpenOptions,
  PipelineHolder,
  PipelineUnlock,
  RestatedSlice,
  RunRecord,
  SchemaChange,
  StreamPlan,
  TableMerge,
  UnlockOptions,
} from './destination.ts';
export { defineSource } from './define-source.ts';
export type { SourceDefinition, StreamMap } from './define-source.ts';
export { defineStream } from './define-stream.ts';
export type { StreamDefinition } from './define-stream.ts';
export { EtlError } from './etl-error.ts';
export { isUnfinishedLoad, unfinishedLoad } from './unfinished-load.ts';
export type { ErrorKind, EtlErrorOptions } from './etl-error.ts';
export type { JsonValue } from './json.ts';
export { silentLogger } from './operation-options.ts';
export type { LogFields, Logger, OperationOptions, Span, SpanAttributes, Tracer } from './operation-options.ts';
export type { AccountReport } from './pipeline/account-report.ts';
export { countByReason } from './pipeline/due-slices.ts';
export type { DueReason, DueSlice } from './pipeline/due-slices.ts';
export { followPipeline, planPipeline, runPipeline, verifyPipeline } from './pipeline/engine.ts';
export type { PipelinePlan, PlanOptions, StreamDue } from './pipeline/plan-pipeline.ts';
export type { PipelineEvent } from './pipeline/pipeline-event.ts';
export type { ComparableSource, ContentBucket, ContentReader, ContentRow, SourceContent } from './content.ts';
export type { RowDifference, StreamComparison } from './pipeline/compare-content.ts';
export type { VerifyOptions, VerifyReport } from './pipeline/verify-pipeline.ts';
export type { FollowOptions, FollowRetry } from './pipeline/follow-pipeline.ts';
export type { PipelineOptions } from './pipeline/pipeline-options.ts';
export type { PipelineFailure, PipelineReport, StreamReport } from './pipeline/pipeline-report.ts';
export type { Row } from './row.ts';
export type { SliceExpectation, SliceGate } from './slice-gate.ts';
export type { DayRange, Scope, Slice } from './slice.ts';
export type { SourceHealth, SourceWarning } from './source-health.ts';
export type {
  LogFollow,
  RowLookup,
  Source,
  SourceDrift,
  SourceMessage,
  SourceReadRequest,
  StreamOutlook,
  StreamSlices,
} from './source.ts';
export { findState, newestEntries } from './state.ts';
export type { Checkpoint, StateEntry } from './state.ts';
export type {
  InferRow,
  ReadRequest,
  RecordBatch,
  RowSchema,
  Stream,
  StreamLookup,
  StreamMemory,
  WhenSettled,
} from './stream.ts';
export type { TextBatch } from './text-batch.ts';
export type { SchemaContract, SchemaContractMode, ScopeSpec, StreamSpec, WriteDisposition } from './stream-spec.ts';
