import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { ColumnSpec, LoadPackage, Row, StreamSpec, TextBatch } from '@etl/core';
import { clickhouse } from '../../src/index.ts';
import { OPEN } from '../../src/encoded-table.ts';
import { RowEncoder } from '../../src/row-encoder.ts';
import { TextEncoder } from '../../src/text-encoder.ts';
import { WireBuffer } from '../../src/wire-buffer.ts';
import { cheapest, costOf, type Cost } from '../cost.ts';
import { randomNumbers } from '../kill/world.ts';
import { printTable } from '../print-table.ts';

/** A table of ten columns from the text that PostgreSQL's COPY gives: as text, and as rows made of it. */
const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '200000' },
    repeats: { type: 'string', default: '3' },
    seed: { type: 'string', default: '1' },
  },
});
const BATCH_ROWS = 2000;
const CHUNK_BYTES = 8 * 1024 * 1024;
const LOAD = { number: 7n, loadId: '20261101-0000-7' };
const batchCount = Math.ceil(Number(values.rows) / BATCH_ROWS);
const rows = batchCount * BATCH_ROWS;

const column = (name: string, type: ColumnSpec['type'], more: Partial<ColumnSpec> = {}): ColumnSpec => ({
  name,
  type,
  nullable: true,
  ...more,
});
const ORDERS: StreamSpec = {
  name: 'orders',
  columns: [
    column('id', 'int64', { nullable: false }),
    column('customer_id', 'int32'),
    column('reference', 'uuid'),
    column('status', 'string', { lowCardinality: true }),
    column('amount', 'decimal', { precision: 18, scale: 2 }),
    column('weight', 'float64'),
    column('paid', 'boolean'),
    column('created_at', 'timestamp'),
    column('due', 'date'),
    column('note', 'string'),
  ],
  primaryKey: ['id'],
  writeDisposition: 'merge',
  versionColumn: '_version',
};
const VERSION = (1n << 112n) | (123_456_789n << 48n);
const columns = ORDERS.columns.map(({ name }) => name);

const random = randomNumbers(Number(values.seed));
const below = (limit: number): number => Math.floor(random() * limit);
let id = 0;
function textLine(): string {
  id += 1;
  return [
    String(id),
    String(below(1_000_000)),
    `8d8ac610-566d-4ef0-9c22-${String(id).padStart(12, '0')}`,
    ['new', 'paid', 'sent', 'returned'][below(4)],
    (random() * 1000).toFixed(2),
    random() < 0.3 ? String.raw`\N` : String(random()),
    random() < 0.5 ? 't' : 'f',
    `2026-${String(1 + below(12)).padStart(2, '0')}-11 10:20:30.${String(below(1_000_000)).padStart(6, '0')}`,
    `2026-11-${String(1 + below(30)).padStart(2, '0')}`,
    random() < 0.5 ? String.raw`\N` : String.raw`leave it at the "back door"\nand ring twice, Zürich`,
  ].join('\t');
}
const batches: readonly TextBatch[] = Array.from({ length: batchCount }, () => {
  const bytes = Buffer.from(`${Array.from({ length: BATCH_ROWS }, textLine).join('\n')}\n`);
  return { columns, bytes, rowCount: BATCH_ROWS, version: VERSION };
});

/** The cheapest way from such text to rows: of the escapes only those that occur are undone. */
function rowsOf(batch: TextBatch): readonly Row[] {
  const lines = Buffer.from(batch.bytes).toString('utf8').split('\n');
  lines.pop();
  return lines.map((line) => {
    const fields = line.split('\t');
    const row: Record<string, unknown> = { _version: VERSION };
    for (const [index, name] of columns.entries()) {
      const field = fields[index] ?? '';
      if (field === String.raw`\N`) row[name] = null;
      else if (name === 'paid') row[name] = field === 't';
      else row[name] = field.includes('\\') ? field.replaceAll(String.raw`\n`, '\n') : field;
    }
    return row;
  });
}

function encodeRows(): number {
  const encoder = new RowEncoder(ORDERS, LOAD);
  const out = new WireBuffer();
  let ordinal = 0;
  let bytes = 0;
  for (const batch of batches) {
    for (const row of rowsOf(batch)) {
      encoder.encode(row, ordinal, out);
      ordinal += 1;
    }
    if (out.length >= CHUNK_BYTES) bytes += out.take().length;
  }
  return bytes + out.length;
}

function encodeText(): number {
  const encoder = new TextEncoder(ORDERS, LOAD, OPEN, columns);
  const out = new WireBuffer();
  let ordinal = 0;
  let bytes = 0;
  for (const batch of batches) {
    encoder.begin(batch);
    for (let row = 0; encoder.encodeNext(batch, row, ordinal, out) !== false; row += 1) ordinal += 1;
    if (out.length >= CHUNK_BYTES) bytes += out.take().length;
  }
  return bytes + out.length;
}

const directory = mkdtempSync(join(tmpdir(), 'etl-text-'));
const costs: Record<'encodeRows' | 'encodeText' | 'loadRows' | 'loadText', Cost[]> = {
  encodeRows: [],
  encodeText: [],
  loadRows: [],
  loadText: [],
};
let wireBytes = 0;
for (let repeat = 0; repeat < Number(values.repeats); repeat += 1) {
  costs.encodeRows.push(await costOf(() => (wireBytes = encodeRows())));
  costs.encodeText.push(
    await costOf(() => {
      if (encodeText() !== wireBytes) throw new Error('text and rows became different bytes');
    }),
  );
}
try {
  await using destination = clickhouse({ path: join(directory, 'engine'), database: 'travel', dataset: 'shop' });
  await using session = await destination.open('text');
  const intoStaging = async (write: (load: LoadPackage) => Promise<void>): Promise<Cost> => {
    await using load = await session.beginLoad();
    await load.prepare(ORDERS);
    return await costOf(async () => {
      await write(load);
      // A look-up waits until everything has arrived.
      await load.lookup(ORDERS.name, [{ id: 1 }], ['id']);
    });
  };
  for (let repeat = 0; repeat < Number(values.repeats); repeat += 1) {
    costs.loadRows.push(
      await intoStaging(async (load) => {
        for (const batch of batches) await load.write(ORDERS.name, rowsOf(batch));
      }),
    );
    costs.loadText.push(
      await intoStaging(async (load) => {
        for (const batch of batches) await load.writeText?.(ORDERS.name, batch);
      }),
    );
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}

const slow = cheapest(costs.encodeRows);
const line = (step: string, list: readonly Cost[]): Record<string, string | number> => {
  const { wall, cpu } = cheapest(list);
  return { step, 'krows/s': rows / wall / 1000, 'CPU-s/100k': (cpu / rows) * 100_000, 'CPU to rows': cpu / slow.cpu };
};
const textBytes = batches.reduce((sum, { bytes }) => sum + bytes.length, 0);
printTable(
  `${rows} rows of 10 columns, ${Math.round(textBytes / rows)} B of text and ${Math.round(wireBytes / rows)} B on the wire each; best of ${values.repeats}`,
  [
    line('rows: split + encode', costs.encodeRows),
    line('text: check + encode', costs.encodeText),
    line('rows into staging', costs.loadRows),
    line('text into staging', costs.loadText),
  ],
);
