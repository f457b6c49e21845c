export { startChdbServer } from './chdb-server.ts';
export type { ChdbFault, ChdbServer, ChdbServerOptions, ChooseFault } from './chdb-server.ts';
export { FakeClock, HastyClock } from './clocks.ts';
export type { HastyClockOptions } from './clocks.ts';
export { liveRandomHistories } from './crash/crash-property.ts';
export type { CrashOptions, CrashOutcome } from './crash/crash-property.ts';
export type { CrashKind } from './crash/crash-worlds.ts';
export type { CrashWrappers } from './crash/live-history.ts';
export { describeCrashes } from './describe-crashes.ts';
export { describeDestination } from './describe-destination.ts';
export { describePackage } from './describe-package.ts';
export { describeReplicationSource } from './describe-replication-source.ts';
export { describeSource } from './describe-source.ts';
export { destinationChecks } from './destination/destination-checks.ts';
export type { DestinationCheck } from './destination/destination-check.ts';
export { canonicalRow, canonicalValue } from './rows/canonical-value.ts';
export { rowFor, rowsFor } from './rows/rows-for.ts';
export type { RowsForOptions } from './rows/rows-for.ts';
export { valuesFor } from './rows/values-for.ts';
export { suiteSeed } from './seed.ts';
export { faultyDestination } from './faulty-destination.ts';
export type { DestinationCall, DestinationFault, DestinationFaultPlan } from './faulty-destination.ts';
export { faultySource } from './faulty-source.ts';
export type { SourceCall, SourceCallFault, SourceFaultPlan } from './faulty-source.ts';
export type { DestinationFixture } from './destination-fixture.ts';
export { loggerInto } from './logger-into.ts';
export { MemoryLog } from './log/memory-log.ts';
export type { LogChange, LogSlot, LogTransaction } from './log/memory-log.ts';
export { memoryLogSource } from './log/memory-log-source.ts';
export type { MemoryLogOptions } from './log/memory-log-source.ts';
export { memoryDestination } from './memory-destination.ts';
export { MemoryStore } from './memory-store.ts';
export { packageChecks } from './package/package-checks.ts';
export type { PackageCheck } from './package/package-checks.ts';
export { PackageUnderTest } from './package/package-under-test.ts';
export type { PackageOptions } from './package/package-under-test.ts';
export { TestPlatform } from './platform/test-platform.ts';
export type { PlatformFault, PlatformFixture, PlatformRequest, TestPlatformOptions } from './platform/test-platform.ts';
export type { ReplicationCheck } from './replication/replication-check.ts';
export { replicationChecks } from './replication/replication-checks.ts';
export type {
  ReplicationFixture,
  UpstreamChange,
  UpstreamTable,
  UpstreamValues,
} from './replication/replication-fixture.ts';
export { faultOutcomes } from './source/fault-check.ts';
export type { FaultOutcome } from './source/fault-check.ts';
export { sourceChecks } from './source/source-checks.ts';
export type { SourceCheck } from './source/source-check.ts';
export type { SourceFault, SourceFixture } from './source/source-fixture.ts';
export { binaryBatchOf, rowsOfBinary } from './binary-batch.ts';
export { rowsOfText, textBatchOf } from './text-batch.ts';
