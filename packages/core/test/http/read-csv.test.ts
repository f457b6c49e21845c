import fc from 'fast-check';
import { inspect } from 'node:util';
import { expect, it } from 'vitest';
import { decodeText, readCsv, type CsvOptions } from '../../src/http/index.ts';

async function read(file: string | Uint8Array, options?: CsvOptions, size = 7): Promise<unknown[]> {
  const bytes = Buffer.from(file as string);
  const parts = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
    bytes.subarray(i * size, (i + 1) * size),
  );
  const records: unknown[] = [];
  for await (const record of readCsv(parts, options)) records.push({ ...record });
  return records;
}

it('reads records by their header, quotes, empty values and line breaks inside values', async () => {
  expect(await read('day,name,spend\r\n2026-11-01,"Summer, ""best""\nof all",1.50\r\n2026-11-02,,\r\n')).toEqual([
    { day: '2026-11-01', name: 'Summer, "best"\nof all', spend: '1.50' },
    { day: '2026-11-02', name: '', spend: '' },
  ]);
});

it('reads UTF-16LE with a byte order mark, as Google Play writes it, in parts of any size', async () => {
  const file = Buffer.concat([
    Buffer.from([0xff, 0xfe]),
    Buffer.from('Date,Land\n2026-11-01,Österreich 🇦🇹\n', 'utf16le'),
  ]);
  for (const size of [1, 3, 1000]) {
    expect(await read(file, { encoding: 'utf-16le' }, size)).toEqual([{ Date: '2026-11-01', Land: 'Österreich 🇦🇹' }]);
    expect(await read(file, {}, size)).toHaveLength(1);
  }
});

it('takes off the byte order mark of UTF-8', async () => {
  expect(await read('\ufeffa\n1\n')).toEqual([{ a: '1' }]);
});

it('reads TSV whose quotes mean nothing', async () => {
  expect(await read('a\tb\n"x\t6"" nails\n', { delimiter: '\t', quotes: false })).toEqual([
    { a: '"x', b: '6"" nails' },
  ]);
});

it('keeps any table', async () => {
  const value = fc.string({ unit: 'grapheme' }).map((text) => text.replaceAll('\0', ''));
  const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`;
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(value, value)), fc.integer({ min: 1, max: 50 }), async (rows, size) => {
      const lines = rows.map((row) => row.map(quoted).join(','));
      expect(await read(`a,b\n${lines.map((line) => `${line}\n`).join('')}`, {}, size)).toEqual(
        rows.map(([a, b]) => ({ a, b })),
      );
    }),
  );
});

it.each([
  ['too few values', 'a,b\n1\n', 'CSV_MALFORMED'],
  ['too many values', 'a,b\n1,2,3\n', 'CSV_MALFORMED'],
  ['an empty line', 'a,b\n\n1,2\n', 'CSV_MALFORMED'],
  ['a quote inside a value', 'a,b\n1"x,2\n', 'CSV_MALFORMED'],
  ['something after a closing quote', 'a,b\n"1"x,2\n', 'CSV_MALFORMED'],
  ['an open quote at its end', 'a,b\n1,"2\n', 'CSV_TRUNCATED'],
  ['no line break at its end', 'a,b\n1,2\n3,4', 'CSV_TRUNCATED'],
  ['a header cut short', 'a,b', 'CSV_TRUNCATED'],
  ['nothing in it', '', 'CSV_HEADER_INVALID'],
  ['a column twice', 'a,a\n1,2\n', 'CSV_HEADER_INVALID'],
  ['a column without a name', 'a,\n1,2\n', 'CSV_HEADER_INVALID'],
])('refuses a file with %s', async (_, file, code) => {
  await expect(read(file)).rejects.toMatchObject({ code });
});

it('refuses a file without the columns that are needed, and takes more', async () => {
  await expect(read('Date,Country\n', { columns: ['Date', 'Installs'] })).rejects.toMatchObject({
    code: 'CSV_COLUMN_MISSING',
    context: { missing: 'Installs' },
  });
  expect(await read('Date,Country\n1,2\n', { columns: ['Date'] })).toHaveLength(1);
});

it('takes a file without a last line break where the platform writes none', async () => {
  expect(await read('a\n1', { finalNewline: 'optional' })).toEqual([{ a: '1' }]);
});

it('sees a file that was cut anywhere but between two records', async () => {
  const file = 'day,text\n2026-11-01,"a ""b"" c"\n2026-11-02,x\n';
  for (let length = 1; length < file.length; length += 1) {
    if (file[length - 1] === '\n') continue;
    await expect(read(file.slice(0, length))).rejects.toMatchObject({
      code: expect.stringMatching(/^CSV_(?:TRUNCATED|MALFORMED|HEADER_INVALID)$/),
    });
  }
});

it('bounds a record, as an unclosed quote would make one of the whole file', async () => {
  const file = `a\n"${'x'.repeat(5000)}`;
  await expect(read(file, { maxRecordLength: 1000 }, 500)).rejects.toMatchObject({ code: 'CSV_MALFORMED' });
});

it.each([
  ['half a character of UTF-8', Buffer.from('ö').subarray(0, 1), {}],
  ['latin 1 as UTF-8', Buffer.from('stra\u00dfe', 'latin1'), {}],
  ['half a character of UTF-16', Buffer.from('abc', 'utf16le').subarray(0, 5), { encoding: 'utf-16le' }],
  ['UTF-16 as UTF-8', Buffer.from('abc', 'utf16le'), {}],
] as const)('replaces nothing: %s is an error', async (_, bytes, options) => {
  const decode = async (): Promise<void> => {
    for await (const text of decodeText([bytes], options)) expect(text).not.toContain('\ufffd');
  };
  await expect(decode()).rejects.toMatchObject({ code: 'TEXT_MALFORMED', kind: 'data' });
});

it('shows no value of the file in an error', async () => {
  for (const file of ['a,b\nhush,hush,hush\n', 'a,b\n"hush"hush,1\n', 'a,b\nhu"sh,1\n', 'a,b\nhush,"hush']) {
    const error: unknown = await read(file).catch((caught: unknown) => caught);
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain('hush');
    expect(JSON.stringify(error)).not.toContain('hush');
  }
});
