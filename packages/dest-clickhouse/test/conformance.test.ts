import { describeDestination } from '@etl/testing';
import { clickHouseOptionsSchema } from '../src/index.ts';
import { embeddedFixture, httpFixture, serverFixture } from './clickhouse-fixture.ts';

describeDestination('embedded ClickHouse', () => embeddedFixture());
describeDestination('ClickHouse over HTTP', () => httpFixture());

const url = process.env['CLICKHOUSE_URL'];
const engine = process.env['CLICKHOUSE_ENGINE'];
if (url !== undefined && url !== '') {
  describeDestination(`ClickHouse server (${engine ?? 'auto'})`, () =>
    serverFixture(url, clickHouseOptionsSchema.shape.engine.parse(engine)),
  );
}
