import { defineSource, defineStream, EtlError, runPipeline, type Slice } from '@etl/core';
import { decimal } from '@etl/core/columns';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { memoryDestination } from '../src/index.ts';

const schema = z.object({
  account_id: z.string(),
  day: z.iso.date(),
  ad_id: z.string(),
  spend: decimal(18, 6),
  clicks: z.int(),
  targeting: z.record(z.string(), z.unknown()).nullable(),
});

const DAY = 86_400_000;
const dayOf = (time: number): string => new Date(time).toISOString().slice(0, 10);

/** A platform with a report per day that restates its newest three days. */
function platform() {
  const world = new Map<string, { readonly ad: string; readonly spend: string }[]>();
  const calls: string[] = [];
  const broken = new Set<string>();
  const insights = defineStream({
    name: 'insights',
    schema,
    primaryKey: ['account_id', 'day', 'ad_id'],
    writeDisposition: 'replace',
    scope: { keys: ['account_id'], day: 'day' },
    slices: ({ now = new Date() }) =>
      [...world.keys()].map((day): Slice => {
        const start = Date.parse(day);
        return {
          key: `1/${day}`,
          scope: { equals: { account_id: '1' }, days: { start: day, end: dayOf(start + DAY) } },
          settledAt: new Date(start + 3 * DAY).toISOString(),
          ...(now.getTime() < 0 ? {} : {}),
        };
      }),
    async *read(slice) {
      const day = slice.scope?.days?.start ?? '';
      calls.push(day);
      if (broken.has(day))
        throw new EtlError({ code: 'TEST_REPORT_FAILED', kind: 'data', message: `The report of ${day} failed.` });
      for (const { ad, spend } of world.get(day) ?? []) {
        yield { rows: [{ account_id: '1', day, ad_id: ad, spend, clicks: 1, targeting: { age: 18 } }] };
      }
    },
  });
  const source = defineSource({ name: 'test', streams: { insights }, check: async () => undefined });
  return { world, calls, broken, source, insights };
}

const at =
  (day: string): (() => Date) =>
  () =>
    new Date(`${day}T12:00:00Z`);

describe('slices', () => {
  it('are read once they are due, and never again once settled', async () => {
    const { world, calls, source } = platform();
    const destination = memoryDestination();
    for (const day of ['2026-11-01', '2026-11-02', '2026-11-09']) world.set(day, [{ ad: 'a', spend: '1.5' }]);
    await runPipeline({ name: 'p', source, destination, now: at('2026-11-10') });
    expect(calls).toEqual(['2026-11-01', '2026-11-02', '2026-11-09']);
    calls.length = 0;
    const report = await runPipeline({ name: 'p', source, destination, now: at('2026-11-10') });
    expect(calls).toEqual(['2026-11-09']);
    expect(report).toMatchObject({ status: 'ok', streams: [{ stream: 'insights', slicesPublished: 1 }] });
  });

  it('take over what the platform restated, vanished rows included', async () => {
    const { world, source } = platform();
    const destination = memoryDestination();
    world.set('2026-11-09', [
      { ad: 'a', spend: '1' },
      { ad: 'b', spend: '2' },
    ]);
    await runPipeline({ name: 'p', source, destination, now: at('2026-11-10') });
    world.set('2026-11-09', [{ ad: 'b', spend: '2.5' }]);
    await runPipeline({ name: 'p', source, destination, now: at('2026-11-11') });
    expect(destination.store.rows('insights').map((row) => [row['ad_id'], row['spend']])).toEqual([['b', '2.5']]);
  });

  it('fail alone: the others load, the old rows stay, the failed one is due again', async () => {
    const { world, broken, calls, source } = platform();
    const destination = memoryDestination();
    for (const day of ['2026-11-01', '2026-11-02', '2026-11-03']) world.set(day, [{ ad: 'a', spend: '1' }]);
    broken.add('2026-11-02');
    const report = await runPipeline({ name: 'p', source, destination, now: at('2026-11-20') });
    expect(report).toMatchObject({ status: 'partial', failures: [{ stream: 'insights', slice: '1/2026-11-02' }] });
    expect(destination.store.rows('insights')).toHaveLength(2);
    await runPipeline({ name: 'p', source, destination, now: at('2026-11-20') });
    const failed = [...(destination.store.ledger.get('p')?.values() ?? [])].find(({ status }) => status === 'failed');
    expect(failed).toMatchObject({
      slice: '1/2026-11-02',
      attempts: 2,
      reason: 'TEST_REPORT_FAILED: The report of 2026-11-02 failed.',
    });
    broken.clear();
    calls.length = 0;
    expect(await runPipeline({ name: 'p', source, destination, now: at('2026-11-20') })).toMatchObject({
      status: 'ok',
    });
    expect(calls).toEqual(['2026-11-02']);
  });

  it('end the run failed when none of them is good', async () => {
    const { world, broken, source } = platform();
    world.set('2026-11-01', []);
    broken.add('2026-11-01');
    expect(
      await runPipeline({ name: 'p', source, destination: memoryDestination(), now: at('2026-11-20') }),
    ).toMatchObject({ status: 'failed' });
  });

  it('refuse a row that does not fit its schema, without showing it', async () => {
    const { world, source } = platform();
    world.set('2026-11-01', [{ ad: 'a', spend: 'hunter2' }]);
    const report = await runPipeline({ name: 'p', source, destination: memoryDestination(), now: at('2026-11-20') });
    expect(report.failures[0]?.error).toMatchObject({ code: 'STREAM_ROW_INVALID', kind: 'data' });
    expect(report.failures[0]?.error.message).not.toContain('hunter2');
  });

  it('give typed rows to someone who uses the stream alone', async () => {
    const { world, insights } = platform();
    world.set('2026-11-01', [{ ad: 'a', spend: '1.25' }]);
    for (const slice of await insights.slices()) {
      for await (const { rows } of insights.read(slice)) {
        const spends: readonly string[] = rows.map((row) => row.spend);
        expect(spends).toEqual(['1.25']);
        expect(rows[0]?.targeting).toEqual({ age: 18 });
      }
    }
  });

  it('hold JSON text where the engine carries them on', async () => {
    const { world, source } = platform();
    const destination = memoryDestination();
    world.set('2026-11-01', [{ ad: 'a', spend: '1' }]);
    await runPipeline({ name: 'p', source, destination, now: at('2026-11-20') });
    expect(destination.store.rows('insights')[0]?.['targeting']).toBe('{"age":18}');
  });
});

describe('a plan that would lose rows', () => {
  it('is refused: several slices that would each replace the whole table', async () => {
    const list = defineStream({
      name: 'list',
      schema: z.object({ id: z.string() }),
      primaryKey: ['id'],
      writeDisposition: 'replace',
      slices: () => [{ key: 'a' }, { key: 'b' }],
      async *read(slice) {
        yield { rows: [{ id: slice.key }] };
      },
    });
    const source = defineSource({ name: 'test', streams: { list }, check: async () => undefined });
    const report = await runPipeline({ name: 'p', source, destination: memoryDestination() });
    expect(report).toMatchObject({
      status: 'failed',
      failures: [{ stream: 'list', error: { code: 'STREAM_SLICES_INVALID' } }],
    });
  });

  it('is not believed: a time of settling that is none leaves the slice due', async () => {
    const { world, calls, source } = platform();
    world.set('never', [{ ad: 'a', spend: '1' }]);
    const destination = memoryDestination();
    const broken = {
      ...source,
      plan: async () => [{ stream: source.streams.insights.spec, slices: [{ key: 'x', settledAt: 'soon' }] }],
    };
    await runPipeline({ name: 'p', source: broken, destination });
    await runPipeline({ name: 'p', source: broken, destination });
    expect(calls).toHaveLength(2);
  });
});
