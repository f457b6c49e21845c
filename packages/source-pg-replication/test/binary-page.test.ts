import { silentLogger, type SourceMessage } from '@etl/core';
import { rowsOfBinary } from '@etl/testing';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BinaryPage } from '../src/binary-page.ts';
import { ReplacedValues } from '../src/replaced-values.ts';
import { tableStream, type TableStream } from '../src/table-stream.ts';
import type { TypeRow } from '../src/value-type.ts';
import { catalogTable, type TestColumn } from './support/catalog-table.ts';

const array = (oid: number, element: number): [number, TypeRow] => [
  oid,
  { oid, kind: 'b', base: 0, baseModifier: -1, element, delimiter: ',' },
];
const TYPES: ReadonlyMap<number, TypeRow> = new Map([
  array(1009, 25),
  array(1182, 1082),
  array(1231, 1700),
  array(1187, 1186),
]);
const numeric = (precision: number, scale: number): number => ((precision << 16) | (scale & 0x7ff)) + 4;

/** A table whose key is its first column. */
function streamOf(columns: readonly TestColumn[], replaced?: ReplacedValues): TableStream {
  return tableStream(catalogTable(columns, [columns[0]?.[0] ?? '']), TYPES, replaced);
}

const SIGNATURE = Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1');
/** What COPY begins with; its extension is empty in every version so far. */
const header = (extension = 0): Buffer =>
  Buffer.concat([SIGNATURE, int(0, 4), int(extension, 4), Buffer.alloc(extension)]);
const TRAILER = int(-1, 2);

function int(value: number, width: 2 | 4): Buffer {
  const bytes = Buffer.alloc(width);
  bytes.writeIntBE(value, 0, width);
  return bytes;
}

const field = (value: Buffer | null): Buffer =>
  value === null ? int(-1, 4) : Buffer.concat([int(value.length, 4), value]);
const row = (...values: (Buffer | null)[]): Buffer => Buffer.concat([int(values.length, 2), ...values.map(field)]);

/** A `numeric` as the server sends it, written by its definition: digits to the base of 10,000 without zeros at the ends. */
function numericBytes(text: string): Buffer {
  const special = { NaN: 0xc0_00, Infinity: 0xd0_00, '-Infinity': 0xf0_00 }[text];
  if (special !== undefined) return Buffer.from([0, 0, 0, 0, special >> 8, 0, 0, 0]);
  const [, sign = '', whole = '', part = ''] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text) ?? [];
  const front = whole.padStart(Math.ceil(whole.length / 4) * 4, '0');
  const digits = `${front}${part}`.replace(/.{1,4}/g, (group) => group.padEnd(4, '0')).match(/.{4}/g) ?? [];
  let weight = front.length / 4 - 1;
  while (digits[0] === '0000') {
    digits.shift();
    weight -= 1;
  }
  while (digits.at(-1) === '0000') digits.pop();
  if (digits.length === 0) weight = 0;
  const words = [digits.length, weight, sign === '-' && digits.length > 0 ? 0x40_00 : 0, part.length];
  return Buffer.concat([...words, ...digits.map(Number)].map((word) => int(word, 2)));
}

function timestampBytes(micros: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(micros);
  return bytes;
}

function fill(page: BinaryPage, messages: readonly Buffer[]): void {
  for (const message of messages) {
    // It lies somewhere in what was read.
    const read = Buffer.concat([Buffer.from('before'), message, Buffer.from('after')]);
    page.add(read, 6, 6 + message.length);
  }
}

function valuesOf(stream: TableStream, message: SourceMessage): readonly unknown[][] {
  if (message.type !== 'binary-records') throw new Error('no bytes');
  return rowsOfBinary(stream.spec, message.batch).map((values) => stream.columns.map(({ name }) => values[name]));
}

/** The values of the only column besides the key. */
function readAs([type, modifier]: readonly [type: number, modifier?: number], values: readonly (Buffer | null)[]) {
  const stream = streamOf([['id', 23], modifier === undefined ? ['value', type] : ['value', type, modifier]]);
  const page = new BinaryPage(stream, 5n, 0, 1);
  fill(
    page,
    values.map((value, index) => row(int(index, 4), value)),
  );
  return valuesOf(stream, page.take(true).message).map(([, value]) => value);
}

const digits = (least: number, most: number): fc.Arbitrary<string> =>
  fc.stringMatching(new RegExp(`^(?:\\d|0{4}|9{4}){${least},${most}}$`)).filter((text) => text.length <= most);
const decimal = (precision: number, scale: number): fc.Arbitrary<string> =>
  fc
    .tuple(fc.constantFrom('', '-'), digits(1, Math.max(1, precision - scale)), digits(0, scale))
    .map(([sign, whole, part]) => {
      const front = precision === scale ? '0' : whole.replace(/^0+(?=\d)/, '');
      const text = scale === 0 ? front : `${front}.${part.padEnd(scale, '0')}`;
      return /[1-9]/.test(text) ? `${sign}${text}` : text;
    });

describe('a number', () => {
  test.each([
    [1, 0],
    [4, 2],
    [9, 0],
    [9, 9],
    [10, 5],
    [18, 4],
    [18, 17],
    [19, 1],
    [38, 10],
    [39, 0],
    [76, 38],
  ] as const)('of numeric(%i, %i) is its own digits', (precision, scale) => {
    fc.assert(
      fc.property(fc.array(decimal(precision, scale), { minLength: 1, maxLength: 5 }), (texts) => {
        expect(readAs([1700, numeric(precision, scale)], texts.map(numericBytes))).toEqual(texts);
      }),
    );
  });

  test('of every length at the edges of what is counted exactly is its own digits', () => {
    const texts = Array.from({ length: 18 }, (_, index) => ['1', '9'].map((digit) => digit.repeat(index + 1))).flat();
    const signed = [...texts, ...texts.map((text) => `-${text}`), '8999999999999999', '9000000000000000'];
    expect(readAs([1700, numeric(18, 0)], signed.map(numericBytes))).toEqual(signed);
    const cents = signed.map((text) => `${text.slice(0, 14)}.0100`);
    expect(readAs([1700, numeric(18, 4)], cents.map(numericBytes))).toEqual(cents);
  });

  test('without a precision is the text that the server prints, however many zeros it has', () => {
    const texts = ['0', '0.00', '1.10', '-0.0001', '100000000', '12345.678900', 'NaN', 'Infinity', '-Infinity'];
    texts.push(`1${'0'.repeat(131_071)}`, `0.${'0'.repeat(16_382)}7`, `-1${'0'.repeat(40)}.${'0'.repeat(40)}`);
    expect(readAs([1700], texts.map(numericBytes))).toEqual(texts);
    const free = fc
      .tuple(fc.nat({ max: 30 }), fc.nat({ max: 30 }))
      .chain(([front, part]) => decimal(front + part + 1, part));
    fc.assert(
      fc.property(fc.array(free, { minLength: 1, maxLength: 5 }), (some) => {
        expect(readAs([1700], some.map(numericBytes))).toEqual(some);
      }),
    );
  });
});

test('text of every length is itself', () => {
  const texts = [0, 1, 7, 8, 127, 128, 129, 255, 256, 257, 16_383, 16_384, 16_385, 2_097_152].map((length) =>
    'x'.repeat(length),
  );
  for (const type of [25, 1042, 1043, 114])
    expect(
      readAs(
        [type],
        texts.map((text) => Buffer.from(text)),
      ),
    ).toEqual(texts);
  expect(
    readAs(
      [3802],
      texts.map((text) => Buffer.from(`\u0001${text}`)),
    ),
  ).toEqual(texts);
  expect(() => readAs([3802], [Buffer.from('\u0002{}')])).toThrow('jsonb of another form');
});

test('text that is not UTF-8 fails by name, wherever it stands and however long it is', () => {
  const wrong = [
    Buffer.from([0xff]),
    Buffer.from([0x61, 0x61, 0x61, 0x61, 0xc3]),
    Buffer.from([0xed, 0xa0, 0x80, 0x61]),
    Buffer.concat([Buffer.from('é'.repeat(400)), Buffer.from([0x80])]),
    Buffer.concat([Buffer.from('x'.repeat(256)), Buffer.from([0xfe])]),
  ];
  for (const value of wrong) {
    for (const given of [value, arrayBytes(null, value)]) {
      const read = (): unknown => readAs([given === value ? 25 : 1009], [given]);
      expect(read).toThrow(
        expect.objectContaining({
          code: 'PG_VALUE_UNSUPPORTED',
          kind: 'data',
          message: expect.stringContaining('not UTF-8'),
        }),
      );
    }
    expect(readAs([17], [value])).toEqual([new Uint8Array(value)]);
  }
  expect(readAs([25], [Buffer.from('é€😀')])).toEqual(['é€😀']);
});

test('what is no number is one and the same, whatever bits it has, and every other float is itself', () => {
  const bytesOf = (type: number, value: Buffer): string => {
    const stream = streamOf([
      ['id', 23],
      ['value', type],
    ]);
    const page = new BinaryPage(stream, 5n, 0, 1);
    fill(page, [row(int(1, 4), value)]);
    const { message } = page.take(true);
    if (message.type !== 'binary-records') throw new Error('no bytes');
    const stored = Buffer.from(message.batch.bytes.subarray(5));
    return type === 701 ? stored.swap64().toString('hex') : stored.swap32().toString('hex');
  };
  const float8 = (hex: string): string => bytesOf(701, Buffer.from(hex, 'hex'));
  for (const hex of [
    '7ff8000000000000',
    'fff8000000000000',
    '7ff0000000000001',
    'fff0000100000000',
    'ffffffffffffffff',
  ])
    expect(float8(hex)).toBe('7ff8000000000000');
  for (const hex of [
    '7ff0000000000000',
    'fff0000000000000',
    '8000000000000000',
    '0000000000000001',
    '7fefffffffffffff',
  ])
    expect(float8(hex)).toBe(hex);
  const float4 = (hex: string): string => bytesOf(700, Buffer.from(hex, 'hex'));
  for (const hex of ['7fc00000', 'ffc00000', '7f800001', 'ffffffff']) expect(float4(hex)).toBe('7fc00000');
  for (const hex of ['7f800000', 'ff800000', '80000000', '00000001', '7f7fffff']) expect(float4(hex)).toBe(hex);
});

test('moments and days are the same at the ends of what can be held', () => {
  const first = -3_155_673_600_000_000n;
  const last = 9_467_107_199_999_999n;
  expect(readAs([1184], [first, -1n, 0n, 1n, last].map(timestampBytes))).toEqual([
    '1900-01-01T00:00:00Z',
    '1999-12-31T23:59:59.999999Z',
    '2000-01-01T00:00:00Z',
    '2000-01-01T00:00:00.000001Z',
    '2299-12-31T23:59:59.999999Z',
  ]);
  expect(
    readAs(
      [1082],
      [-36_524, 0, 109_572].map((day) => int(day, 4)),
    ),
  ).toEqual(['1900-01-01', '2000-01-01', '2299-12-31']);
  expect(readAs([1083], [0n, 1n, 43_200_000_000n, 86_400_000_000n, 45_296_120_000n].map(timestampBytes))).toEqual([
    '00:00:00',
    '00:00:00.000001',
    '12:00:00',
    '24:00:00',
    '12:34:56.12',
  ]);
});

const INFINITY = 2n ** 63n - 1n;
const UNHELD: readonly (readonly [string, readonly [number, number?], Buffer])[] = [
  ['a timestamp of the year before the first', [1184], timestampBytes(-3_155_673_600_000_001n)],
  ['a timestamp of the year behind the last', [1114], timestampBytes(9_467_107_200_000_000n)],
  ['infinity', [1184], timestampBytes(INFINITY)],
  ['-infinity', [1114], timestampBytes(-INFINITY - 1n)],
  ['a day before the first', [1082], int(-36_525, 4)],
  ['a day behind the last', [1082], int(109_573, 4)],
  ['NaN', [1700, numeric(10, 2)], numericBytes('NaN')],
];

/** An array as the server sends it. */
const arrayBytes = (...items: readonly (Buffer | null)[]): Buffer =>
  Buffer.concat([int(1, 4), int(1, 4), int(0, 4), int(items.length, 4), int(1, 4), ...items.map(field)]);

describe('a value that cannot be held', () => {
  const added = (replaced: ReplacedValues | undefined, type: readonly [number, number?], value: Buffer) => {
    const stream = streamOf(
      [
        ['id', 23],
        ['value', type[0], type[1] ?? -1],
        ['more', 25],
      ],
      replaced,
    );
    const page = new BinaryPage(stream, 5n, 0, 1);
    fill(page, [row(int(1, 4), value, Buffer.from('kept'))]);
    return valuesOf(stream, page.take(true).message);
  };

  test.each(UNHELD)('(%s) fails by name', (_, type, value) => {
    expect(() => added(undefined, type, value)).toThrow(
      expect.objectContaining({
        message: expect.stringContaining('The column value of items holds'),
        hint: expect.stringContaining('Or set outOfRange to null'),
      }),
    );
  });

  test.each(UNHELD)('(%s) becomes NULL where that is wanted, and is counted', (_, type, value) => {
    const replaced = new ReplacedValues(silentLogger);
    expect(added(replaced, type, value)).toEqual([['1', null, 'kept']]);
    expect([...replaced.messages('items')]).toMatchObject([{ drift: { actual: '1 became NULL' } }]);
  });

  test('in a key fails even where NULL is wanted', () => {
    const stream = streamOf([['day', 1082]], new ReplacedValues(silentLogger));
    const page = new BinaryPage(stream, 5n, 0, 1);
    // What is not done in a key is not proposed either.
    expect(() => fill(page, [row(int(2 ** 31 - 1, 4))])).toThrow(
      expect.objectContaining({
        message: expect.stringContaining('The column day of items holds'),
        hint: expect.not.stringContaining('outOfRange'),
      }),
    );
  });

  test('in an array fails by name, or is the only one that becomes NULL', () => {
    const value = arrayBytes(int(0, 4), int(2 ** 31 - 1, 4), null, int(1, 4));
    expect(() => added(undefined, [1182], value)).toThrow('The column value of items holds');
    expect(added(new ReplacedValues(silentLogger), [1182], value)).toEqual([
      ['1', ['2000-01-01', null, null, '2000-01-02'], 'kept'],
    ]);
  });
});

test('arrays are their items, whatever bounds they have, and an empty one and NULL are empty', () => {
  const bounded = arrayBytes(int(0, 4));
  bounded.writeInt32BE(-3, 16);
  const empty = Buffer.concat([int(0, 4), int(0, 4), int(0, 4)]);
  const long = Array.from({ length: 300 }, (_, index) => (index % 3 === 0 ? null : int(index, 4)));
  expect(readAs([1182], [bounded, empty, null, arrayBytes(null), arrayBytes(...long)])).toEqual([
    ['2000-01-01'],
    [],
    [],
    [null],
    long.map((_, index) =>
      index % 3 === 0 ? null : new Date(Date.UTC(2000, 0, 1 + index)).toISOString().slice(0, 10),
    ),
  ]);
  const square = Buffer.concat([
    int(2, 4),
    int(0, 4),
    int(0, 4),
    int(1, 4),
    int(1, 4),
    int(1, 4),
    int(1, 4),
    field(int(0, 4)),
  ]);
  expect(() => readAs([1182], [square])).toThrow('more than one dimension');
});

describe('a page', () => {
  const STREAM = streamOf([
    ['id', 23],
    ['note', 25],
  ]);
  const line = (id: number, note: string | null): Buffer => row(int(id, 4), note === null ? null : Buffer.from(note));

  test('has the rows of its messages, behind whatever header and before the trailer', () => {
    for (const begin of [[Buffer.concat([header(), line(1, 'a')])], [header(5), line(1, 'a')]]) {
      const page = new BinaryPage(STREAM, 5n, 0, 1);
      fill(page, [...begin, line(2, null), TRAILER]);
      expect(page.rowCount).toBe(2);
      const { message, rowCount } = page.take(true);
      expect(rowCount).toBe(2);
      expect(valuesOf(STREAM, message)).toEqual([
        ['1', 'a'],
        ['2', null],
      ]);
    }
  });

  test('of an empty table has no rows', () => {
    const page = new BinaryPage(STREAM, 5n, 0, 1);
    fill(page, [Buffer.concat([header(), TRAILER])]);
    expect([page.rowCount, page.byteCount]).toEqual([0, 0]);
  });

  test('begins anew when it was taken, and each range of a session is a lane of its own, which nobody else has', () => {
    const page = new BinaryPage(STREAM, 5n, 1, 2);
    const taken = [false, true, true].map((isRangeEnd, index) => {
      fill(page, [line(index, 'x'.repeat(index * 50_000))]);
      const { message } = page.take(isRangeEnd);
      if (message.type !== 'binary-records') throw new Error('no bytes');
      expect(valuesOf(STREAM, message)).toHaveLength(1);
      return [message.batch.lane, message.batch.isLaneEnd, message.batch.version];
    });
    expect(taken).toEqual([
      [1, false, 5n],
      [1, true, 5n],
      [3, true, 5n],
    ]);
  });

  test('refuses rows that are not those of the table', () => {
    const page = new BinaryPage(STREAM, 5n, 0, 1);
    expect(() => fill(page, [row(int(1, 4))])).toThrow('a row of 1 columns instead of 2');
  });

  test('with a NULL in a column of the key fails by name, as one that cannot be held', () => {
    const page = new BinaryPage(STREAM, 5n, 0, 1);
    expect(() => fill(page, [row(null, Buffer.from('a'))])).toThrow(
      expect.objectContaining({
        code: 'PG_VALUE_UNSUPPORTED',
        kind: 'data',
        hint: expect.stringContaining('"id" IS NULL'),
      }),
    );
  });

  test.each([
    ['interval', 1186],
    ['interval[]', 1187],
    ['numeric[] without a precision', 1231],
    ['inet', 869],
    ['"char"', 18],
  ])('does not take a table with %s', (_, type) => {
    expect(
      BinaryPage.takes(
        streamOf([
          ['id', 23],
          ['value', type],
        ]),
      ),
    ).toBe(false);
    expect(BinaryPage.takes(STREAM)).toBe(true);
  });
});
