import type { LedgerEntry, Row, Slice, StreamSpec } from '@etl/core';
import { randomNumbers } from '../kill/world.ts';

const DAYS = ['2026-10-30', '2026-10-31', '2026-11-01', '2026-11-02'];

export interface Round {
  readonly slice: Slice;
  readonly rows: readonly Row[];
}

/** What a pipeline loads in a round: one day of its account. */
export function roundOf(seed: number, account: number, round: number): Round {
  const random = randomNumbers(seed * 7907 + account * 1_000_003 + round);
  const index = Math.floor(random() * (DAYS.length - 1));
  const [start = '', end = ''] = DAYS.slice(index, index + 2);
  const ads = Array.from({ length: 40 }, (_, ad) => ad).filter(() => random() < 0.5);
  return {
    slice: { key: `${account}/${start}`, scope: { equals: { account }, days: { start, end } } },
    rows: ads.map((ad) => ({ account, day: start, ad, spend: Math.floor(random() * 1000), note: `round ${round}` })),
  };
}

/**
 * The stream as a pipeline knows it in a round. After `widensAfter` rounds every second pipeline gets
 * a column of its own, so that the table changes under the loads of the others.
 */
export function streamOf(account: number, round: number, widensAfter: number): StreamSpec {
  const gains = account % 2 === 1 && round > widensAfter;
  return {
    name: 'shared',
    columns: [
      { name: 'account', type: 'int64', nullable: false },
      { name: 'day', type: 'date', nullable: false },
      { name: 'ad', type: 'int64', nullable: false },
      { name: 'spend', type: 'int64', nullable: true },
      { name: 'note', type: 'string', nullable: true },
      ...(gains ? [{ name: `only_${account}`, type: 'string', nullable: true } as const] : []),
    ],
    primaryKey: ['account', 'day', 'ad'],
    writeDisposition: 'replace',
    scope: { keys: ['account'], day: 'day' },
  };
}

/** The lines the table holds after every pipeline has loaded so many rounds. */
export function contentAfter(seed: number, pipelines: number, rounds: number): readonly string[] {
  const lines = new Map<string, readonly string[]>();
  for (let account = 0; account < pipelines; account += 1) {
    for (let round = 1; round <= rounds; round += 1) {
      const { slice, rows } = roundOf(seed, account, round);
      lines.set(slice.key, rows.map(lineOf));
    }
  }
  return [...lines.values()].flat().sort();
}

export function lineOf(row: Row): string {
  return ['account', 'day', 'ad', 'spend', 'note'].map((name) => String(row[name])).join('|');
}

export function entryOf(slice: Slice, rows: number): LedgerEntry {
  return { stream: 'shared', slice: slice.key, status: 'good', rows, readAt: new Date(0).toISOString(), attempts: 1 };
}
