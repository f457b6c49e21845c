import { describeDestination } from '@etl/testing';
import { embeddedFixture, httpFixture, serverFixture } from './clickhouse-fixture.ts';

describeDestination('embedded ClickHouse', () => embeddedFixture());
describeDestination('ClickHouse over HTTP', () => httpFixture());

const url = process.env['CLICKHOUSE_URL'];
if (url !== undefined && url !== '') describeDestination('ClickHouse server', () => serverFixture(url));
