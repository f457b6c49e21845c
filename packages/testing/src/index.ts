export { startChdbServer } from './chdb-server.ts';
export type { ChdbFault, ChdbServer, ChdbServerOptions, ChooseFault } from './chdb-server.ts';
export { describeDestination } from './describe-destination.ts';
export type { DestinationFixture } from './destination-fixture.ts';
export { memoryDestination, MemoryStore } from './memory-destination.ts';
export { rowsOfText, textBatchOf } from './text-batch.ts';
