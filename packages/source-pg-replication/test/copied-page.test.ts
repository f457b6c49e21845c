import { rowsOfText } from '@etl/testing';
import type { Row, TextBatch } from '@etl/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cutBlocks, rangeCondition } from '../src/block-ranges.ts';
import { RowPage, TextPage, type CopiedPage, type PageWriter } from '../src/copied-page.ts';
import { mergeGenerators } from '../src/merge-generators.ts';
import { COLUMNS, KEY_PLACES, STREAM, VALUES } from './support/mixed-table.ts';
import { sameValues } from './support/same-values.ts';

const LETTERS: Readonly<Record<string, string>> = {
  '\\': '\\',
  '\b': 'b',
  '\f': 'f',
  '\n': 'n',
  '\r': 'r',
  '\t': 't',
  '\v': 'v',
};

/** A line as COPY writes it for a page, of values in the order of the table. */
function copyLine(page: PageWriter, values: readonly (string | null)[]): Buffer {
  const fields = page.columns.map(({ name }) => {
    const value = values[COLUMNS.findIndex(([column]) => column === name)] ?? null;
    return value === null
      ? String.raw`\N`
      : value.replaceAll(/[\\\b\f\n\r\t\v]/g, (character) => `\\${LETTERS[character] ?? ''}`);
  });
  return Buffer.from(`${fields.join('\t')}\n`);
}

function rowsOf({ message }: CopiedPage): readonly Row[] {
  if (message.type === 'records') return message.rows;
  return message.type === 'text-records' ? rowsOfText(STREAM.spec, message.batch) : [];
}

const lines = fc.tuple(
  ...VALUES.map((value, place) => (KEY_PLACES.includes(place) ? value : fc.option(value, { freq: 5 }))),
);

test('a copy as text is the same rows as a copy as rows', () => {
  fc.assert(
    fc.property(fc.array(fc.array(lines, { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 3 }), (pages) => {
      const rows: PageWriter = new RowPage(STREAM, 5n);
      const text = new TextPage(STREAM, 5n, 0, 2);
      for (const page of pages) {
        for (const values of page) {
          for (const form of [rows, text]) {
            const line = copyLine(form, values);
            form.add(Buffer.concat([Buffer.from('\tx'), line, Buffer.from('y\n')]), 2, 2 + line.length);
          }
        }
        expect(text.rowCount).toBe(page.length);
        const [one, other] = [rows.take(false), text.take(false)].map((taken) =>
          rowsOf(taken).map((row) => [sameValues(STREAM.spec, row), row[STREAM.versionKey]]),
        );
        expect(other).toEqual(one);
      }
    }),
  );
});

test.each([
  [4, 'infinity'],
  [5, '10000-01-01'],
  [6, 'NaN'],
  [9, '{{a},{b}}'],
] as const)('a value of column %i that cannot be given fails by name (%s)', (place, value) => {
  const values = COLUMNS.map((_, index) => (KEY_PLACES.includes(index) ? '1' : index === place ? value : null));
  for (const form of [new RowPage(STREAM, 5n), new TextPage(STREAM, 5n, 0, 2)]) {
    const line = copyLine(form, values);
    expect(() => form.add(line, 0, line.length)).toThrow(`The column ${COLUMNS[place][0]} of items holds`);
  }
});

test('each range of a session is a lane of its own, which nobody else has', () => {
  const page = new TextPage(STREAM, 5n, 1, 2);
  const line = copyLine(
    page,
    COLUMNS.map((_, index) => (KEY_PLACES.includes(index) ? '1' : null)),
  );
  const lanes = [false, true, true].map((isRangeEnd) => {
    page.add(line, 0, line.length);
    const { message } = page.take(isRangeEnd);
    return message.type === 'text-records' ? [message.batch.lane, message.batch.isLaneEnd] : [];
  });
  expect(lanes).toEqual([
    [1, false],
    [1, true],
    [3, true],
  ]);
});

describe('a page says that it is plain', () => {
  const filled = (values: Readonly<Record<string, string | null>>): TextBatch => {
    const page = new TextPage(STREAM, 5n, 3, 4);
    const line = copyLine(
      page,
      COLUMNS.map(([name]) =>
        name in values ? (values[name] ?? null) : name === 'id' || name === 'code' ? '1' : null,
      ),
    );
    page.add(line, 0, line.length);
    const { message } = page.take(false);
    if (message.type !== 'text-records') throw new Error('no text');
    return message.batch;
  };

  test('when it is, and that of the next page is told anew', () => {
    expect(filled({ total: '1.5000', day: '2024-02-29', at: '2026-11-01 12:00:00.5', score: '1e-07' })).toMatchObject({
      isPlain: true,
      lane: 3,
    });
    const page = new TextPage(STREAM, 5n, 0, 2);
    for (const id of [null, '1']) {
      const line = copyLine(
        page,
        COLUMNS.map(([name]) => (name === 'id' ? id : name === 'code' ? 'a' : null)),
      );
      page.add(line, 0, line.length);
      expect(page.take(false).message).toMatchObject({ batch: { isPlain: id !== null } });
    }
  });

  test.each([
    { code: null },
    { at: '2026-11-01 12:00:00+00' },
    { score: 'NaN' },
    { score: '-Infinity' },
    { list: '[0:1]={a,b}' },
    { moments: '{"2026-11-01 12:00:00",NULL}' },
  ])('not with %o', (values) => {
    const batch = filled(values);
    expect(batch.isPlain).toBe(false);
  });
});

test('ranges of pages are the whole table, each page once, and the last has no end', () => {
  fc.assert(
    fc.property(fc.nat({ max: 5_000_000 }), fc.integer({ min: 2, max: 16 }), (blocks, connections) => {
      const ranges = cutBlocks(blocks, connections);
      expect(ranges[0]?.from).toBe(0);
      expect(ranges.at(-1)?.to).toBeUndefined();
      for (const [index, { to }] of ranges.slice(0, -1).entries()) expect(to).toBe(ranges[index + 1]?.from);
      expect(ranges.at(-1)?.from).toBeLessThanOrEqual(blocks);
    }),
  );
  expect(cutBlocks(1024, 4)).toHaveLength(1);
  expect(cutBlocks(3000, 4).map((range) => rangeCondition(range))).toEqual([
    `ctid < '(1024,0)'::tid`,
    `ctid >= '(1024,0)'::tid AND ctid < '(2048,0)'::tid`,
    `ctid >= '(2048,0)'::tid`,
  ]);
});

test('of merged generators none is asked for more than its consumer takes, and all end with it', async () => {
  const asked: string[] = [];
  async function* counting(name: string): AsyncGenerator<string, void, undefined> {
    try {
      for (let count = 1; count <= 3; count += 1) {
        asked.push(`${name}${count}`);
        yield `${name}${count}`;
      }
    } finally {
      asked.push(`${name} ended`);
    }
  }
  const found: string[] = [];
  for await (const value of mergeGenerators([counting('a'), counting('b')])) found.push(value);
  expect(found.toSorted()).toEqual(['a1', 'a2', 'a3', 'b1', 'b2', 'b3']);
  asked.length = 0;
  for await (const value of mergeGenerators([counting('a'), counting('b')])) {
    expect(value).toBe('a1');
    break;
  }
  await new Promise((resolve) => setImmediate(resolve));
  expect(asked).toEqual(['a1', 'b1', 'a ended', 'b ended']);
});
