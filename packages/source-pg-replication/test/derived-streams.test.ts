import type { EtlError } from '@etl/core';
import { describe, expect, test } from 'vitest';
import { adRequestStats, inlineAdLogs, loadTransform, type DerivedStream } from '../src/index.ts';
import { shouts } from './support/own-transform.ts';
import { usePostgres, type TestDatabase } from './support/postgres.ts';
import { failureOf, Replica, ROW_FORMS } from './support/replica.ts';

const postgres = usePostgres();

/** One row for each word of a text. */
function words(version = 1): DerivedStream {
  return {
    name: 'words',
    from: 'notes',
    columns: [
      { name: 'id', type: 'string', nullable: false },
      { name: 'word', type: 'string', nullable: true },
    ],
    primaryKey: ['id'],
    maxRows: 10,
    version,
    key: ({ id }, position) => ({ id: `${String(id)}-${position}` }),
    derive: ({ text }) => {
      if (text === 'broken') throw new Error('it is broken');
      return (typeof text === 'string' ? text : '')
        .split(' ')
        .filter((word) => word !== '')
        .map((word) => ({ word: version === 1 ? word : word.toUpperCase() }));
    },
  };
}

const NOTES = `CREATE TABLE notes (id int PRIMARY KEY, text text); CREATE TABLE other (id int PRIMARY KEY);
  INSERT INTO notes VALUES (1, 'one two three'), (2, ''), (3, 'four'); INSERT INTO other VALUES (1)`;

async function wordsOf(database: TestDatabase): Promise<string[]> {
  const rows = await database.rows(
    `SELECT id || '-' || n AS id, word FROM notes, regexp_split_to_table(text, ' ') WITH ORDINALITY w (word, n) WHERE word <> ''`,
  );
  return rows.map(({ id, word }) => `${id} ${word}`).toSorted((one, other) => one.localeCompare(other));
}

function derivedOf(replica: Replica): string[] {
  const rows = replica.rows('words').map(({ id, word }) => `${String(id)} ${String(word)}`);
  return rows.toSorted((one, other) => one.localeCompare(other));
}

describe.each(ROW_FORMS)('a derived stream (%s)', (form) => {
  const replicaOf = (database: TestDatabase, options = {}): Replica =>
    new Replica(database, { derived: [words()], ...options }, { form });

  test('has the rows that the table gives, after the copy and after every kind of change', async () => {
    await using database = await postgres.database(NOTES);
    const replica = replicaOf(database);
    await replica.run();
    expect(derivedOf(replica)).toEqual(['1-1 one', '1-2 two', '1-3 three', '3-1 four']);
    for (const change of [
      `INSERT INTO notes VALUES (4, 'five six')`,
      `UPDATE notes SET text = 'only' WHERE id = 1`,
      `UPDATE notes SET text = NULL WHERE id = 3`,
      `UPDATE notes SET text = 'a b c d e f g h i j' WHERE id = 2`,
      `UPDATE notes SET id = 20, text = 'moved here' WHERE id = 2`,
      `DELETE FROM notes WHERE id = 4; INSERT INTO notes VALUES (4, 'again')`,
      `DELETE FROM notes WHERE id = 1`,
      `TRUNCATE notes; INSERT INTO notes VALUES (1, 'new start'); UPDATE notes SET text = 'newest' WHERE id = 1`,
    ]) {
      await database.sql(change);
      await replica.run();
      expect(derivedOf(replica), change).toEqual(await wordsOf(database));
      expect(await replica.difference(database, 'notes', ['id', 'text'])).toEqual([]);
      expect(replica.rows('other')).toHaveLength(1);
    }
  });

  test('that fails names the row, leaves the table alone, and is made anew when it is right', async () => {
    await using database = await postgres.database(NOTES);
    const replica = replicaOf(database);
    await replica.run();
    await database.sql(`UPDATE notes SET text = 'broken' WHERE id = 1; INSERT INTO notes VALUES (5, 'fine')`);
    const report = await replica.attempt();
    expect(report.status).toBe('partial');
    expect(report.failures).toMatchObject([{ stream: 'words', error: { code: 'PG_DERIVE_FAILED', kind: 'data' } }]);
    expect(report.failures[0]?.error.message).toContain('The row id=1 of notes');
    expect(await replica.difference(database, 'notes', ['id', 'text'])).toEqual([]);
    await database.sql(`UPDATE notes SET text = 'right now' WHERE id = 1`);
    await replica.run();
    expect(derivedOf(replica)).toEqual(await wordsOf(database));
  });
});

test('a table may be there only for what is made of it', async () => {
  await using database = await postgres.database(NOTES);
  const replica = new Replica(database, { derived: [words()], derivedOnly: ['notes'] });
  expect((await replica.source().discover()).map(({ name }) => name)).toEqual(['other', 'words']);
  await replica.run();
  await database.sql(`UPDATE notes SET text = 'shorter' WHERE id = 1; INSERT INTO notes VALUES (9, 'nine')`);
  const report = await replica.run();
  expect(derivedOf(replica)).toEqual(await wordsOf(database));
  expect(replica.rows('notes')).toEqual([]);
  expect(report.streams.map(({ stream }) => stream)).toEqual(['other', 'words']);
});

test('one that is made in another way than before, or is new, has its table copied anew', async () => {
  await using database = await postgres.database(NOTES);
  const plain = new Replica(database);
  await plain.run();
  const first = new Replica(database, { derived: [words()] }, { store: plain.store });
  expect((await first.run()).rows).toBe(3 + 4);
  expect((await first.run()).rows).toBe(0);
  const second = new Replica(database, { derived: [words(2)] }, { store: plain.store });
  await second.run();
  expect(derivedOf(second)).toContain('1-1 ONE');
  await database.sql(`INSERT INTO notes VALUES (7, 'seven')`);
  await second.run();
  expect(derivedOf(second)).toContain('7-1 SEVEN');
});

test('asked for alone, it is read together with its table', async () => {
  await using database = await postgres.database(NOTES);
  const replica = new Replica(database, { derived: [words()] });
  const report = await replica.attempt({ streams: ['words'] });
  expect(report.streams.map(({ stream }) => stream)).toEqual(['notes', 'words']);
});

describe('the log tables of the travel application', () => {
  const flight = {
    id: '77',
    name: 'InlineAdsViewSet.flight',
    user_id: '5',
    created_at: '2026-11-01T10:00:00Z',
    request: JSON.stringify({
      legs: [{ date: '2026-12-01', origin: 'BER', destination: 'LIS' }, { date: '2026-12-08' }],
      passengers: ['adult', 'adult'],
      cabin: 'economy',
      country: 'de',
      os: 'ios',
      deviceType: 'phone',
      source: 'APP',
    }),
    response: JSON.stringify({
      ads: [
        { site: 'a.example', headline: 'Fly', cpc: { price: 0.25, currency: 'USD' }, bookingButtonText: 'Go' },
        { site: 'b.example', cpc: { price: '1.5', currency: 'EUR' } },
      ],
    }),
  };

  test('inline_ad_logs has a row for each ad, with a key of the log and its rank', () => {
    const stream = inlineAdLogs();
    const rows = stream.derive(flight);
    expect(rows).toHaveLength(2);
    expect({ ...rows[0], ...stream.key(flight, 1) }).toEqual({
      id: '77-1',
      user_id: '5',
      rank: 1,
      site: 'a.example',
      headline: 'Fly',
      product_type: 'flight',
      description: null,
      booking_button_text: 'Go',
      cpc_price: '0.25',
      cpc_currency: 'USD',
      cabin_class: 'economy',
      travelers: 2,
      start_date: '2026-12-01',
      end_date: '2026-12-08',
      origin: 'BER',
      destination: 'LIS',
      os: 'ios',
      country: 'de',
      created_at: '2026-11-01T10:00:00Z',
      version: '2.0',
    });
    expect(Object.keys({ ...rows[0], ...stream.key(flight, 1) })).toEqual(
      expect.arrayContaining(stream.columns.map(({ name }) => name)),
    );
  });

  test.each([
    [
      'car',
      {
        pickUp: { date: '2026-12-01', locationQuery: 'Lisbon' },
        dropOff: { date: '2026-12-03', locationQuery: 'Porto' },
      },
      ['2026-12-01', '2026-12-03', 'Lisbon', 'Porto', null],
    ],
    [
      'hotel',
      { checkIn: '2026-12-01', checkOut: '2026-12-02', cityId: 88, adults: 3 },
      ['2026-12-01', '2026-12-02', null, '88', 3],
    ],
  ])('says what a search for a %s was for', (vertical, request, expected) => {
    const [row] = inlineAdLogs().derive({
      ...flight,
      name: `InlineAdsViewSet.${vertical}`,
      request: JSON.stringify(request),
    });
    expect([row?.['start_date'], row?.['end_date'], row?.['origin'], row?.['destination'], row?.['travelers']]).toEqual(
      expected,
    );
  });

  test('the old form is version 1.0, and other logs give nothing', () => {
    expect(inlineAdLogs().derive({ ...flight, name: 'ad_fetch' })[0]).toMatchObject({ version: '1.0' });
    for (const stream of [inlineAdLogs(), adRequestStats()]) {
      expect(stream.derive({ ...flight, name: 'LoginViewSet.post' })).toEqual([]);
    }
  });

  test('ad_request_stats has one row a request', () => {
    const stream = adRequestStats();
    expect(stream.derive(flight)).toEqual([
      {
        user_id: '5',
        name: 'InlineAdsViewSet.flight',
        vertical: 'flight',
        country: 'DE',
        os: 'ios',
        device_type: 'phone',
        source: 'app',
        ad_count: 2,
        request_time: '2026-11-01T10:00:00Z',
      },
    ]);
    expect(stream.key(flight, 1)).toEqual({ id: '77' });
  });

  test('a price that is no number, or a log that is no JSON, is an error and never nothing', () => {
    const priced = (price: unknown): string => JSON.stringify({ ads: [{ cpc: { price } }] });
    expect(() => inlineAdLogs().derive({ ...flight, response: priced('free') })).toThrow('not a number');
    expect(inlineAdLogs().derive({ ...flight, response: priced(1e-7) })[0]).toMatchObject({
      cpc_price: '0.000000100000',
    });
    expect(inlineAdLogs().derive({ ...flight, response: priced('0.12345') })[0]).toMatchObject({
      cpc_price: '0.12345',
    });
    expect(() => inlineAdLogs().derive({ ...flight, request: '{' })).toThrow('JSON');
  });

  test('are kept right from a real table', async () => {
    await using database = await postgres.database(
      `CREATE TABLE server_logs_log (id bigint PRIMARY KEY, name text, user_id int, request jsonb, response jsonb, created_at timestamptz)`,
    );
    const insert = (id: number, ads: number): string =>
      `INSERT INTO server_logs_log VALUES (${id}, 'InlineAdsViewSet.hotel', 1, '{"checkIn": "2026-12-01", "country": "pt"}',
        '${JSON.stringify({ ads: Array.from({ length: ads }, (_, at) => ({ site: `s${at}`, cpc: { price: at / 4, currency: 'EUR' } })) })}', '2026-11-01Z')`;
    await database.sql(`${insert(1, 3)}; INSERT INTO server_logs_log VALUES (2, 'other')`);
    const replica = new Replica(database, {
      derived: [inlineAdLogs(), adRequestStats()],
      derivedOnly: ['server_logs_log'],
    });
    await replica.run();
    await database.sql(`${insert(3, 2)}; DELETE FROM server_logs_log WHERE id = 1`);
    await replica.run();
    expect(replica.rows('inline_ad_logs').map(({ id }) => id)).toEqual(['3-1', '3-2']);
    expect(replica.rows('inline_ad_logs')[1]).toMatchObject({
      cpc_price: '0.25',
      start_date: '2026-12-01',
      country: 'pt',
    });
    expect(replica.rows('ad_request_stats')).toMatchObject([{ id: '3', ad_count: 2, country: 'PT' }]);
  });
});

describe('a configuration names a transform', () => {
  test('of ours, with options', async () => {
    const stream = await loadTransform({ transform: 'inline_ad_logs', options: { from: 'logs', request: 'asked' } });
    expect(stream).toMatchObject({ name: 'inline_ad_logs', from: 'logs' });
  });

  test('of a module of its own', async () => {
    const stream = await loadTransform({ transform: './support/own-transform.ts#shouts' }, import.meta.dirname);
    expect(stream.columns).toEqual(shouts().columns);
    expect(stream.derive({ text: 'hey' })).toEqual([{ loud: 'HEY' }]);
  });

  test.each(['inline_ads', './support/own-transform.ts#nothing', './nowhere.ts#x'])(
    'or is refused: %s',
    async (transform) => {
      const error: EtlError = await failureOf(loadTransform({ transform }, import.meta.dirname));
      expect(error).toMatchObject({ code: 'PG_TRANSFORM_UNKNOWN', kind: 'config' });
    },
  );
});
