import { describeDestination } from '@etl/testing';
import { embeddedFixture, httpFixture } from './clickhouse-fixture.ts';

describeDestination('embedded ClickHouse', () => embeddedFixture());
describeDestination('ClickHouse over HTTP', () => httpFixture());
