import { rowsOfText } from '@etl/testing';
import type { Row, RowLookup } from '@etl/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LinePool } from '../src/pending-lines.ts';
import { PgoutputDecoder } from '../src/pgoutput.ts';
import type { Tuple } from '../src/raw-tuple.ts';
import { RowChanges } from '../src/row-changes.ts';
import { RowVersion } from '../src/row-version.ts';
import type { TableChanges } from '../src/table-changes.ts';
import { TextBuffer } from '../src/text-buffer.ts';
import { TextChanges } from '../src/text-changes.ts';
import { COLUMNS, KEY_PLACES, STREAM, VALUES } from './support/mixed-table.ts';
import { deleteMessage, insertMessage, updateMessage } from './support/pgoutput-message.ts';
import { sameValues } from './support/same-values.ts';

/** Values that PostgreSQL may leave out because they did not change. */
const TOASTED: ReadonlySet<number> = new Set([1, 3, 8, 9]);
const key = (tuple: Tuple): Tuple => tuple.map((value, place) => (KEY_PLACES.includes(place) ? value : null));
const INSERT = 'I'.charCodeAt(0);
const tuples = fc.tuple(
  ...VALUES.map((value, place) => (KEY_PLACES.includes(place) ? value : fc.option(value, { freq: 5 }))),
) as fc.Arbitrary<Tuple>;
const unchanged =
  (left: readonly number[]) =>
  (tuple: Tuple): Tuple =>
    tuple.map((value, place) => (left.includes(place) && TOASTED.has(place) ? undefined : value));

const changes = fc.oneof(
  tuples.map((row) => insertMessage(7, row)),
  fc
    .tuple(
      tuples,
      fc.option(tuples, { nil: undefined }),
      fc.constantFrom('K' as const, 'O' as const),
      fc.subarray([1, 3, 8, 9]),
    )
    .map(([row, old, kind, left]) =>
      updateMessage(
        7,
        unchanged(left)(row),
        old === undefined ? undefined : { kind, tuple: kind === 'K' ? key(old) : old },
      ),
    ),
  fc
    .tuple(tuples, fc.constantFrom('K' as const, 'O' as const))
    .map(([old, kind]) => deleteMessage(7, { kind, tuple: kind === 'K' ? key(old) : old })),
);

/** Every key has a row at the destination, whose values say where they are from. */
const lookup: RowLookup = async (_, keys, columns) =>
  keys.map((row) =>
    Object.fromEntries(
      columns.map((name) => {
        const from = `${String(row['id'])}/${String(row['code'])}/${name}`;
        if (name === 'bytes') return [name, Buffer.from(from)];
        return [name, name === 'list' ? [from] : from];
      }),
    ),
  );

/** What a reader sees of a flush, by key: of several rows the newest. */
async function flushed(table: TableChanges): Promise<ReadonlyMap<string, unknown>> {
  const rows: Row[] = [];
  const { size } = table;
  for await (const message of table.flush(lookup)) {
    if (message.type === 'records') rows.push(...message.rows);
    if (message.type === 'text-records') rows.push(...rowsOfText(STREAM.spec, message.batch));
  }
  expect(rows).toHaveLength(size);
  const { versionKey, deletedKey } = STREAM;
  const newestFirst = rows.toSorted((one, other) =>
    (one[versionKey] as bigint) < (other[versionKey] as bigint) ? 1 : -1,
  );
  const byKey = new Map<string, unknown>();
  for (const row of newestFirst) {
    const values = row[deletedKey] === true ? 'deleted' : sameValues(STREAM.spec, row);
    const rowKey = JSON.stringify([row['code'], Number(row['id'])]);
    if (!byKey.has(rowKey)) byKey.set(rowKey, { values, version: row[versionKey] });
  }
  return byKey;
}

test('changes as text are the same rows with the same versions as changes as rows', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(changes, { minLength: 1, maxLength: 25 }), { minLength: 1, maxLength: 3 }),
      async (pages) => {
        const forms: readonly TableChanges[] = [new RowChanges(STREAM), new TextChanges(STREAM, new LinePool())];
        const decoder = new PgoutputDecoder();
        const version = new RowVersion();
        version.begin(1, { high: 2 ** 8, low: 7 });
        for (const table of forms) table.setLayout(STREAM.columns);
        for (const page of pages) {
          for (const message of page) {
            version.next();
            const change = decoder.decode(message, 0, message.length);
            if (!('row' in change)) throw new Error('no change');
            for (const table of forms) table.apply(change, version);
          }
          const [rows, text] = forms as readonly [TableChanges, TableChanges];
          const onlyNew = page.every((message) => message[0] === INSERT);
          if (!onlyNew) expect(text.size).toBe(rows.size);
          expect(await flushed(text)).toEqual(await flushed(rows));
        }
      },
    ),
    { numRuns: Number(process.env['ETL_TEST_RUNS'] ?? '300') },
  );
});

test('the digits of a version are those of the number, across every carry, from transaction to transaction', () => {
  const steps = fc.oneof(
    fc.constantFrom(0n, 1n, 2n ** 20n, 2n ** 20n + 1n, 2n ** 40n, -1n),
    fc.bigInt({ min: 0n, max: 2n ** 21n }),
  );
  const counts = fc.oneof(fc.nat({ max: 200 }), fc.constantFrom(999_999, 1_000_000));
  fc.assert(
    fc.property(
      fc.bigInt({ min: 1n, max: 2n ** 63n }),
      fc.array(fc.tuple(steps, fc.nat({ max: 3 }), fc.array(counts, { maxLength: 6 })), { maxLength: 12 }),
      (first, transactions) => {
        const version = new RowVersion();
        let lsn = first;
        for (const [step, epoch, changed] of transactions) {
          lsn += step;
          version.begin(epoch, { high: Number(lsn >> 32n), low: Number(lsn & 0xffff_ffffn) });
          let ordinal = 0;
          for (const count of changed) {
            for (let done = 0; done < count; done += 1) version.next();
            ordinal += count;
            const out = new TextBuffer();
            version.write(out);
            const expected = (BigInt(epoch) << 112n) | (lsn << 48n) | BigInt(ordinal);
            expect(out.bytes.toString('latin1', 0, out.length)).toBe(String(expected));
            expect(version.value).toBe(expected);
          }
        }
      },
    ),
    { numRuns: 60 },
  );
});

test('a value that cannot be given is an error that names its column', () => {
  const table = new TextChanges(STREAM, new LinePool());
  table.setLayout(STREAM.columns);
  const apply = (place: number, value: string): void => {
    const row = COLUMNS.map((_, index) => (KEY_PLACES.includes(index) ? '1' : index === place ? value : null));
    const message = insertMessage(7, row);
    const change = new PgoutputDecoder().decode(message, 0, message.length);
    const version = new RowVersion();
    version.begin(1, { high: 0, low: 1 });
    if ('row' in change) table.apply(change, version);
  };
  for (const [place, value] of [
    [4, 'infinity'],
    [4, '1899-12-31 23:59:59+00'],
    [4, '12026-11-01 00:00:00+00'],
    [5, '-infinity'],
    [5, '2300-01-01'],
    [5, '0044-03-15 BC'],
    [6, 'NaN'],
    [9, '{{a},{b}}'],
    [10, '{infinity}'],
  ] as const) {
    expect(() => apply(place, value)).toThrow(`The column ${COLUMNS[place][0]} of items holds`);
  }
});
