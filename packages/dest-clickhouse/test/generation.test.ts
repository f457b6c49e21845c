import { expect, it } from 'vitest';
import { embeddedFixture, httpFixture, type ClickHouseFixture } from './clickhouse-fixture.ts';
import { buryHolders } from './history.ts';
import { generations, LIST, load } from './list-table.ts';

/** The generation that the view reads. */
async function viewed(fixture: ClickHouseFixture): Promise<string | undefined> {
  const [row] = await fixture.query<{ text: string }>(
    `SELECT as_select AS text FROM system.tables WHERE database = '${fixture.options.database}' AND name = 'shop___list'`,
  );
  return /_raw_shop___list_g\d+/.exec(row?.text ?? '')?.[0];
}

it('has one generation of a table after every replacement', async () => {
  await using fixture = await embeddedFixture();
  await load(fixture, [{ id: 1 }]);
  const [first] = await generations(fixture);
  await load(fixture, [{ id: 2 }]);
  const after = await generations(fixture);
  expect(after).toHaveLength(1);
  expect(after).not.toContain(first);
});

it('drops an older generation that a late run made and no view reads', async () => {
  await using fixture = await embeddedFixture();
  await load(fixture, [{ id: 1 }]);
  const [current = ''] = await generations(fixture);
  const { database } = fixture.options;
  await fixture.query(`CREATE TABLE ${database}._raw_shop___list_g0 AS ${database}.${current}`);
  await load(fixture, [{ id: 2 }]);
  expect(await generations(fixture)).not.toContain('_raw_shop___list_g0');
  expect(await fixture.readRows('list')).toEqual([{ id: 2 }]);
});

it('keeps an older generation that the view still reads', async () => {
  await using fixture = await embeddedFixture();
  await load(fixture, [{ id: 1 }]);
  const [current = ''] = await generations(fixture);
  const { database } = fixture.options;
  await fixture.query(`CREATE TABLE ${database}._raw_shop___list_g999 AS ${database}.${current}`);
  await using session = await fixture.destination.open('p');
  await using open = await session.beginLoad();
  await open.prepare({ ...LIST, writeDisposition: 'merge' });
  expect(await generations(fixture)).toContain(current);
  expect(await fixture.readRows('list')).toEqual([{ id: 1 }]);
});

it.each([
  ['waits for the definition of the table', /^CREATE TABLE .*_etl_lock_definition_of_/],
  ['creates the table', /^CREATE TABLE .*_raw_shop___list_g[1-9]/],
  ['attaches the rows', /^ALTER TABLE .* ATTACH PARTITION/],
])('leaves nothing behind when it is stopped as it %s and wakes after another replacement', async (_, statement) => {
  let wake = (): void => undefined;
  const woken = new Promise<undefined>((resolve) => (wake = () => resolve(undefined)));
  let isCommitted = false;
  let stop = (): void => undefined;
  const stopped = new Promise<void>((resolve) => (stop = resolve));
  let isAwaited = true;
  await using fixture = await httpFixture({ lockWaitMs: 600_000 }, (query) => {
    isCommitted ||= query.includes('_etl_prepared_') && query.startsWith('RENAME TABLE');
    if (!isAwaited || !isCommitted || !statement.test(query)) return undefined;
    isAwaited = false;
    stop();
    return woken;
  });
  const late = load({ destination: fixture.create() }, [{ id: 1 }]).then(
    () => 'ended well',
    (error: { readonly code?: string }) => error.code,
  );
  await stopped;
  await buryHolders(fixture);
  await load({ destination: fixture.create() }, [{ id: 2 }]);
  await load({ destination: fixture.create() }, [{ id: 3 }]);
  const current = await generations(fixture);
  expect(current).toHaveLength(1);
  wake();
  expect(await late).toBe('PIPELINE_TAKEN_OVER');
  expect(await generations(fixture)).toEqual(current);
  expect(await fixture.readRows('list')).toEqual([{ id: 3 }]);
});

it('cannot make the view read what another run is about to drop', async () => {
  let switchBack = (): void => undefined;
  const isLate = new Promise<undefined>((resolve) => (switchBack = () => resolve(undefined)));
  let stop = (): void => undefined;
  const stopped = new Promise<void>((resolve) => (stop = resolve));
  let isDropped = false;
  await using fixture = await httpFixture({ lockWaitMs: 600_000 }, async (query) => {
    if (query.startsWith('CREATE OR REPLACE VIEW')) {
      const [generation] = /_raw_shop___list_g[1-9]\d*/.exec(query) ?? [];
      if (generation === undefined || late !== undefined) return undefined;
      late = generation;
      stop();
      return isLate;
    }
    if (late === undefined || isDropped || !query.startsWith(`DROP TABLE IF EXISTS`) || !query.includes(late))
      return undefined;
    isDropped = true;
    switchBack();
    await expect.poll(() => viewed(fixture)).toBe(late);
    return undefined;
  });
  let late: string | undefined;
  const first = load({ destination: fixture.create() }, [{ id: 1 }]).then(
    () => 'ended well',
    (error: { readonly code?: string }) => error.code,
  );
  await stopped;
  await buryHolders(fixture);
  await load({ destination: fixture.create() }, [{ id: 2 }]);
  expect(await first).toBe('PIPELINE_TAKEN_OVER');
  expect(isDropped).toBe(true);
  expect(await fixture.readRows('list')).toEqual([{ id: 2 }]);
});
