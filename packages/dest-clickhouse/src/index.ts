export { clickhouse } from './clickhouse-destination.ts';
export { clickHouseOptionsSchema } from './options.ts';
export type { ClickHouseOptions } from './options.ts';
export { openClickHouse } from './query.ts';
export type { ClickHouseReader } from './query.ts';
export { VERSION } from './version.ts';
