export { startChdbServer } from './chdb-server.ts';
export type { ChdbFault, ChdbServer, ChdbServerOptions, ChooseFault } from './chdb-server.ts';
export { describeDestination } from './describe-destination.ts';
export type { DestinationFixture } from './describe-destination.ts';
export { memoryDestination, MemoryStore } from './memory-destination.ts';
