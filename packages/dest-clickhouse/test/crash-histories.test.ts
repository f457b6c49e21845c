import { describeCrashes, suiteSeed } from '@etl/testing';
import { embeddedFixture } from './clickhouse-fixture.ts';

const seed = suiteSeed();

// Many of them: bench/crash/main.ts.
describeCrashes(`embedded ClickHouse (ETL_SEED=${seed})`, () => embeddedFixture(), { histories: 3, runs: 3, seed });
