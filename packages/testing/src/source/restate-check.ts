import { ok, equal, notDeepStrictEqual } from 'node:assert/strict';
import { runPipeline, type Source } from '@etl/core';
import { memoryDestination } from '../memory-destination.ts';
import { plannedSlices, textOf } from './read-slice.ts';
import { requireTruth } from './require-truth.ts';
import type { SourceFixture } from './source-fixture.ts';

export async function checkRestatement(fixture: SourceFixture): Promise<void> {
  if (fixture.restate === undefined) return;
  const source = fixture.createSource();
  try {
    const destination = memoryDestination();
    const asked: string[] = [];
    const watched: Source = {
      ...source,
      read(request = {}) {
        for (const [stream, slices] of Object.entries(request.slices ?? {})) {
          for (const { scope, key } of slices)
            asked.push(`${stream} ${scope?.days === undefined ? key : JSON.stringify(scope)}`);
        }
        return source.read(request);
      },
    };
    const run = async (now: Date): Promise<void> => {
      const report = await runPipeline({ name: 'restated', source: watched, destination, now: () => now });
      equal(report.status, 'ok', report.failures.map(({ error }) => error.message).join('; '));
    };
    await run(fixture.now);
    const earlier = await plannedSlices(source, { now: fixture.now });
    const [one] = earlier;
    ok(one !== undefined);
    const truthBefore = (): readonly string[] =>
      earlier.flatMap(({ plan, slice }) => textOf(fixture.truth(plan.stream.name, slice)));
    const before = truthBefore();
    const { now, stream } = fixture.restate();
    notDeepStrictEqual(truthBefore(), before, 'the fixture restated nothing');
    asked.length = 0;
    await run(now);
    const planned = (await plannedSlices(source, { now })).filter(({ plan }) => plan.stream.name === stream);
    for (const { plan, slice } of planned) {
      const { days, equals = {} } = slice.scope ?? {};
      const rows = destination.store.rows(stream).filter((row) => {
        const day = String(row[plan.stream.scope?.day ?? '']);
        const isIn = days === undefined || (day >= days.start && day < days.end);
        return isIn && Object.entries(equals).every(([name, value]) => row[name] === value);
      });
      requireTruth(fixture, stream, slice, rows);
    }
    // Everything is settled once the clock stands far beyond the plan.
    const settled = earlier.flatMap(({ slice }) =>
      slice.settledAt === undefined ? [] : [Date.parse(slice.settledAt)],
    );
    if (settled.length === 0) return;
    const later = new Date(Math.max(...settled, now.getTime()));
    await run(later);
    asked.length = 0;
    const isOpen = (await plannedSlices(source, { now: later })).filter(
      ({ slice }) => slice.settledAt === undefined || Date.parse(slice.settledAt) > later.getTime(),
    );
    await run(later);
    ok(asked.length <= isOpen.length, 'what is settled was read again');
  } finally {
    await source[Symbol.asyncDispose]();
  }
}
