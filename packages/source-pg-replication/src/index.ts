export { pgReplicationOptionsSchema } from './options.ts';
export type { PgReplicationOptions } from './options.ts';
export { pgReplication } from './pg-replication.ts';
export { VERSION } from './version.ts';
