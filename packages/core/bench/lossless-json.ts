// What exact numbers cost: parseLossless against JSON.parse on pages as platforms send them.
//   node packages/core/bench/lossless-json.ts
import process from 'node:process';
import { parseLossless } from '../src/http/index.ts';

const ROWS = 2000;
const ROUNDS = 40;

const rows = (row: (index: number) => unknown): string =>
  JSON.stringify({
    data: Array.from({ length: ROWS }, (_, index) => row(index)),
    paging: { cursors: { after: 'MTIz' } },
  });

const pages: Record<string, string> = {
  'ads: quoted ids, text metrics': rows((index) => ({
    ad_id: `1202100000000${10_000 + index}`,
    campaign_name: `Summer ${index}, all of Europe: "best" offers`,
    date_start: '2026-11-01',
    spend: (index * 1.37).toFixed(2),
    impressions: String(index * 31),
    actions: [
      { action_type: 'link_click', value: String(index) },
      { action_type: 'purchase', value: String(index % 7) },
    ],
  })),
  'orders: plain numbers': rows((index) => ({
    id: 1_000_000 + index,
    item_count: index % 5,
    subtotal_eur: Math.round(index * 199.9) / 100,
    created_at: '2026-11-24T14:00:00.123456Z',
    is_cart: index % 2 === 0,
    email: `someone${index}@example.com`,
  })),
  'reports: text only': rows((index) => ({
    dimensionValues: [{ value: '20261101' }, { value: 'Germany' }, { value: '(not set)' }],
    metricValues: [{ value: String(index) }, { value: `${index}.5` }],
  })),
  'measures: doubles of 17 digits': rows((index) => ({ id: index, rate: 0.1 + index / 7, share: index / 3 })),
  'a long integer in every row': rows(() => ({ id: 1, n: 0.1 })).replaceAll('"n":0.1', '"n":12345678901234567890'),
};

function milliseconds(work: () => void): number {
  const startedAt = performance.now();
  work();
  return performance.now() - startedAt;
}

/** What else runs on the machine only ever adds. */
const fastest = (values: number[]): number => Math.min(...values);

process.stdout.write('page                             kB   JSON.parse   parseLossless   ratio\n');
for (const [name, text] of Object.entries(pages)) {
  const plain: number[] = [];
  const lossless: number[] = [];
  for (let round = 0; round < ROUNDS + 5; round += 1) {
    // In turns, so that both see the same machine.
    const one = milliseconds(() => JSON.parse(text));
    const other = milliseconds(() => parseLossless(text));
    if (round >= 5) {
      plain.push(one);
      lossless.push(other);
    }
  }
  const [one, other] = [fastest(plain), fastest(lossless)];
  const figures = [
    (text.length / 1024).toFixed(0).padStart(5),
    `${one.toFixed(2)} ms`.padStart(12),
    `${other.toFixed(2)} ms`.padStart(15),
    (other / one).toFixed(2).padStart(7),
  ];
  process.stdout.write(`${name.padEnd(30)}${figures.join(' ')}\n`);
}
