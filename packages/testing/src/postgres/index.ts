export { startPostgres } from './start-postgres.ts';
export type { PostgresOptions, PostgresServer, StopMode } from './start-postgres.ts';
