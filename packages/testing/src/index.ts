export { startChdbServer } from './chdb-server.ts';
export type { ChdbFault, ChdbServer, ChdbServerOptions } from './chdb-server.ts';
export { memoryDestination, MemoryStore } from './memory-destination.ts';
